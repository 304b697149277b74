"""Simulators: what they answer, held against the providers' own clients, descriptions and recorded exchanges."""
