"""One device: what the vendor's API is asked, how politely, and what the answers come to together."""
