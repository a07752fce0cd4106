"""The connector wing: who says what.

A connector is a page of TOML. In the order of a webhook's way:

    load        the admin's table and a connector.toml → a Connector        manifest · reader · settings · lines
    signature   does the request come from the vendor?                      auth
    parse       what does it say?                                           request · finding · tree
    look        what does the vendor's API say?                             lookup · api · oauth · paging · limiter
    snapshot    the answers put together                                    template
    sweep       what do its lists say about all devices?                    listing · course · row · spool · share
    judge       what counts as not compliant
    replay      a recorded request, offline; replay_list a recorded fleet   sample

Expressions (expr, mentions, functions, complaint, times) serve them all. Everything is pure but `api`, the one wire,
which is handed its way out, `load` and `sample`, which read files, and `spool`, which keeps a temporary one.
"""
