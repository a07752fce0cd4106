"""The connectors that come with caep-bridge: one folder a vendor, no code in any of them.

To add one, make a folder with

    connector.toml    what docs/connectors.md describes: authentication, webhooks, API, judgements
    README.md         where to click at the vendor, every setting, every judgement and whom it would block
    samples/          recorded cases: <case>.http, <case>.api.json, <case>.expected.json

Nothing else has to be touched. The tests take every folder found here through its samples, and through what a
forger or a broken sender would send.
"""
