"""What is remembered. One writer each; every row begins with its version, and recovery keeps the newest.

table        key                     row                                       writer          rows expected
site-twin    site, node, partition   a twin; a node said; the partition row    agents/twin     sites + nodes
site-window  window and block        a block of sites of one closed window     agents/twin     windows x blocks
node-slots   node and window, live   what each partition last contributed      agents/rollup   nodes x open windows
"""
