"""The control plane's store on SQLAlchemy Core."""
