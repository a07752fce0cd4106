"""The connector wing: who says what.

A connector is a page of TOML. From the ground up:

    language    expressions, templates, settings: what a declaration may say, and how its faults are told
    webhook     does a request come from the vendor, and what does it say?
    asking      what does the vendor's API say about one device?
    lists       what do its lists say about all devices?
    manifest    a connector.toml, read whole · judge: what counts as not compliant
    load        the admin's table and a manifest → a Connector, which is what the pipeline sees
    trial       a recorded request or fleet, played offline

Everything is pure but `asking.api`, the one wire, which is handed its way out, `load` and `trial.sample`, which read
files, and `lists.spool`, which keeps a temporary one.
"""
