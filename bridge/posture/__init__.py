"""What is true of a device, and why: pure rules over what vendors say.

identity   whose device is it, as receivers know the person
decide     a vendor's whole answer → belief, a Change, or a reason for none
undecided  the failure to get one → the last verdict, or what a webhook stated
owner      another owner, a rename, nobody to tell
fold       webhooks alone → belief, where no API can be asked
moment     when it happened
reasons    the words for why nothing followed
"""
