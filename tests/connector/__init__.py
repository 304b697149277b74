"""The connector against a small real HTTP server that speaks as the gateway does."""
