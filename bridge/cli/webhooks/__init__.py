"""`caep-bridge webhooks`: what came, what followed, and playing it again."""
