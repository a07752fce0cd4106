"""What clients of the API may do: who calls, which streams are theirs, and what they ask for.

clients        the configured clients ↔ those that the store remembers
issue          proof → access token
token_keys     the keys that sign those
access         access token → caller
ownership      which streams are whose
management     create, read, change, delete
standing       status
subjects       add and remove, as asked
selections     what was added and removed
subject_words  a subject in the audit log
allowance      how often they may change something
verification   verify, as asked
"""
