"""Models that run inside the installation: no account, no server, no GPU. Everything heavy loads on first use."""
