"""The routes of SSF 1.0 §8 and of RFC 8936: who calls, then what they ask for, then the answer.

door        one request: route, caller, scope, body, answer
errors      what refuses a request, as these routes say it
operations  the routes, and which scope each needs
"""
