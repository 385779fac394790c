"""What reacts: one file per stage, each agent a stream, a machine and where its words go.

telemetry.reported ─▶ twin   ─▶ rollup.contributed, aggregate.site, twin.updated, twin.transitioned
                                keeps [site-twin] [site-window]        bad ones ─▶ telemetry.rejected
rollup.contributed ─▶ rollup ─▶ aggregate.<level>                      keeps [node-slots]
"""
