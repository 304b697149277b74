"""Several endpoints of one provider behind one adapter: weighted choice, health, and tries again where that is safe."""
