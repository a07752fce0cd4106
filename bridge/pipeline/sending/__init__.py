"""How SETs leave: pushed, or fetched.

outbox    a due SET → the receiver, and what its answer means
lane      one receiver, and how well it is
mailbox   a poll → acknowledged, handed out, or waiting
acks      what a receiver says of what it has
handout   what a poll gets, hidden for a while
waiting   polls that wait
receipts  taken or refused: counted and logged
undone    blocks that were false alarms
"""
