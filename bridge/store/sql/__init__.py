"""The store on SQLAlchemy Core: batch functions over a `Connection`, and the queue that runs them."""
