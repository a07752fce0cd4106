"""caep-bridge: from a vendor's webhook to a Security Event Token at every receiver that should have it.

Read top to bottom, one webhook goes this way:

    web/webhooks      read the body up to its limit; the connector, or 404
      connector       verify: who sent it?          parse: what does it say, about which device?
      store           the webhook and the looks it rings for, in one commit; then 202
    pipeline/looks    lease due looks
      connector       snapshot: ask the vendor's API how the device really is
      posture         decide: what we believe now, and whether that is a change
      ssf             change → event → one signed SET for each stream that was told something else
      store           belief, ledger, deliveries, look done: one commit
    pipeline/sending  lease due deliveries, in order per stream and subject
      delivery        push, and what its answer means
      store           settle

Imports go one way: cli → app → web → pipeline → connector, posture, ssf, delivery, notify, okta, oauth, store →
model, config, errors, clock.
"""

from __future__ import annotations

__version__ = "0.1.0"
