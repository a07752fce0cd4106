"""`caep-bridge demo`: the real service between two stand-ins on loopback, and a story that shows what it does.

script    what a connector's folder says for the demo: webhooks and API answers, as data
vendor    the stand-in for the vendor: its API, and the webhooks that it signs and sends
stage     the temporary folder, the service, both stand-ins; all of it gone at the end
story     what happens: a device opens two findings and resolves them, one after the other
report    whether it went as it should, and the JSON of `--json`
narrator  how it is told on a terminal, and into a file or pipe
encore    what stays up without `--once`: the URLs, the keys to press
"""
