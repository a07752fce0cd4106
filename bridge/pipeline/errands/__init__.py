"""What commands ask of the running service.

errandry  each taken up, done and ended
chores    compare, resync, verify, test
awaited   looks that a command waits for
tally     what one came to
"""
