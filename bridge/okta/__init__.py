"""Okta's management API: what a receiver of that kind can be asked beside the SETs that it is sent.

words      what an answer means: troubles, Okta's own words, links, rate limits      pure
proof      how we prove ourselves: an API token, or OAuth with a private key
api        one question and its answer                                             the wire of this wing
users      which logins exist
log        whether a SET shows in the System Log
provider   the Security Events Provider: the registration of our issuer

Nothing here is needed to tell anybody anything: without a credential, and whenever Okta does not answer, the rest goes
on as if this wing were not there.
"""

from __future__ import annotations
