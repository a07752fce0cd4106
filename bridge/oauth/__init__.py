"""Who calls: the clients of our API, how they prove themselves, and the tokens that they are given or bring.

caller       who calls and what they may, and how a call without a good token is refused (RFC 6750)
request      a request for a token, as it came (RFC 6749)
assertion    `private_key_jwt` (RFC 7523)
credentials  what is remembered of secrets and keys, and when the tokens that they gave end
token        our own access tokens (RFC 9068)
foreign      those of another authorization server, in the shapes that they have
jwt, keyset  a signed JWT, and the public keys that it may be opened with
metadata     what clients find out about us (RFC 8414, RFC 9728)
remote       keys of others by HTTP: the only I/O here; to hash a credential is slow, and belongs into a thread
"""
