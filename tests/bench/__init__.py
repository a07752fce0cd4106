"""The bench: signed webhooks over real HTTP, through a real `serve`, to a receiver's 202. See docs/performance.md."""
