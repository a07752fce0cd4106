"""One webhook: is it the vendor's own, and what does it say? Pure."""
