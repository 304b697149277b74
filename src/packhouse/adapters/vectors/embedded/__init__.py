"""The vector engine that needs no server: a directory a knowledge base, LanceDB for chunks, SQLite for lists."""
