"""Engines that keep and search the chunks of knowledge bases."""
