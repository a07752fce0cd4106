"""What the operator is told in channels of their own: an occasion, in words, in the shape that a channel takes.

Rules: occasion · words · message · signature · retry. Wire: send.
"""
