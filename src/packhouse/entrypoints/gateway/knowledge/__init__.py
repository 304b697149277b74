"""Packhouse's own REST for knowledge bases, under `/v1/knowledge`."""
