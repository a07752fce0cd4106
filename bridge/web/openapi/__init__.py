"""The OpenAPI document, `/openapi.json`: every public route, what it takes, and all that it may answer.

It is written by hand, in JSON files by noun; a test holds it against the code, another one runs Schemathesis over it.

document        the files put together, for one configuration
public.json     what is always there, and the shapes that all share
calls.json      what the routes for clients have in common
tokens.json     how clients get tokens; there if they get them here
streams.json    SSF 1.0 §8.1.1 and §8.1.2; stream_schemas.json has the shapes
subjects.json   SSF 1.0 §8.1.3
delivery.json   SSF 1.0 §8.1.4 and RFC 8936
"""
