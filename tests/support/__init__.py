"""What tests on several floors build on: needs, sources, and doubles that are no products."""
