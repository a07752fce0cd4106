"""All devices of a vendor at once.

reconcile  the vendor's whole list ↔ belief
timetable  when it is read
baseline   what already failed at the first
heldback   what the guard keeps back
"""
