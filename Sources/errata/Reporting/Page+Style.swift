/// How every page looks.
enum PageStyle {
  /// Light and dark by the reader's setting, and on paper.
  static let sheet = """
    :root { color-scheme: light dark; --paper:#fff; --ink:#1c2024; --soft:#5f6872; --rule:#e3e6ea; --fill:#f5f6f8; --bar:#d5e5f8; --minus:#fbdcd3;
      --good:#12703c; --bad:#b3311b; --badfill:#fdeae5; --c0:#2563b8; --c1:#c2571a; --c2:#2b8a57; --c3:#8b3fa8; --c4:#a08000; --c5:#4b5563; }
    @media (prefers-color-scheme: dark) { :root { --paper:#14171b; --ink:#e6e9ec; --soft:#9aa4ae; --rule:#2c3239; --fill:#1c2126; --bar:#1f3f63;
      --minus:#5a2a20; --good:#5cc98c; --bad:#ff8f78; --badfill:#38201b; --c0:#6ba8f2; --c1:#f0965c; --c2:#63c793; --c3:#cb8ae3; --c4:#d9bd45; --c5:#a9b3bf; } }
    * { box-sizing:border-box; }
    body { margin:0 auto; max-width:76rem; padding:2rem 1.25rem 4rem; background:var(--paper); color:var(--ink); font:15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
    header { border-bottom:1px solid var(--rule); margin-bottom:2rem; }
    h1 { font-size:1.9rem; line-height:1.2; margin:0; overflow-wrap:anywhere; }
    h2 { font-size:1.2rem; margin:2.5rem 0 .3rem; }
    .kicker { margin:0; color:var(--soft); letter-spacing:.04em; }
    .lead, .note, .sub, footer { color:var(--soft); }
    .note { margin:.1rem 0 .9rem; max-width:52rem; }
    .sub { font-size:.9em; font-weight:400; }
    .scroll { overflow-x:auto; }
    table { border-collapse:collapse; font-variant-numeric:tabular-nums; }
    th, td { padding:.28rem .65rem; text-align:right; border-bottom:1px solid var(--rule); font-weight:400; white-space:nowrap; }
    th[scope=row], th:first-child, .way { text-align:left; }
    thead th { color:var(--soft); font-size:.9em; vertical-align:bottom; }
    tr.group th { padding-top:1.1rem; font-weight:600; text-align:left; }
    td.bar { background:linear-gradient(var(--bar), var(--bar)) no-repeat 0 50%/var(--w) 72%; min-width:5.2rem; }
    td.negative { background-image:linear-gradient(var(--minus), var(--minus)); }
    .paper { display:none; }
    td.none { color:var(--soft); }
    table.methods { font-size:.87rem; } table.methods th, table.methods td { padding-left:.3rem; padding-right:.3rem; } table.methods td.bar { min-width:3.05rem; }
    table.methods th:nth-child(2) { text-align:left; } table.methods thead th { white-space:normal; }
    table.methods tr.base { color:var(--soft); }
    tr.first > * { border-top:2px solid var(--rule); }
    .keys { display:flex; flex-wrap:wrap; gap:.3rem 1.2rem; margin:.4rem 0 .8rem; }
    .key { display:inline-flex; align-items:center; gap:.4rem; }
    .charts { display:grid; grid-template-columns:repeat(auto-fill, minmax(19rem, 1fr)); gap:1rem 1.5rem; }
    figure { margin:0; } figcaption { font-weight:600; } svg { max-width:100%; height:auto; overflow:visible; }
    .charts svg { width:100%; }
    .grid { stroke:var(--rule); } .tick { fill:var(--soft); font-size:10.5px; }
    .line { fill:none; stroke-width:2; stroke-linejoin:round; } .dashed { stroke-dasharray:5 4; } .plain { stroke:var(--soft); }
    .c0 { --own:var(--c0); } .c1 { --own:var(--c1); } .c2 { --own:var(--c2); } .c3 { --own:var(--c3); } .c4 { --own:var(--c4); } .c5 { --own:var(--c5); }
    .line { stroke:var(--own, var(--soft)); } .dot { fill:var(--own); }
    .dot { stroke:var(--paper); stroke-width:1; }
    .line.again { stroke-width:1.1; } .dot.again { fill:var(--paper); stroke:var(--own); stroke-width:1.4; } .faint { opacity:.5; }
    .cell { fill:var(--c0); stroke:var(--rule); stroke-width:.5; } .mark { fill:var(--c1); } .chosen { fill:var(--fill); } svg.map { max-width:none; }
    table.norms { width:100%; } td.weight { text-align:left; color:var(--soft); } td.norm { width:45%; padding-left:0; }
    td.norm span { display:block; height:.7rem; min-width:2px; background:var(--c0); border-radius:0 3px 3px 0; }
    details.run { border-top:1px solid var(--rule); padding:.4rem 0; }
    summary { cursor:pointer; } details.run > summary { padding:.35rem 0; }
    details.fact > summary, .facthead { display:grid; grid-template-columns:minmax(0,1fr) 12.5rem 3rem; align-items:center; gap:1rem; padding:.22rem .4rem; border-bottom:1px solid var(--rule); }
    details.fact > summary { list-style:none; } details.fact > summary::-webkit-details-marker { display:none; }
    details.fact > summary .what::before { content:"▸ "; color:var(--soft); } details.fact[open] > summary .what::before { content:"▾ "; }
    details.fact > summary:hover, details.fact[open] > summary { background:var(--fill); }
    .facthead { color:var(--soft); font-size:.9em; } .facthead span:last-child { text-align:right; }
    table.changes td.fact { text-align:left; white-space:normal; min-width:16rem; overflow-wrap:anywhere; } table.changes .change { justify-content:flex-end; } table.changes .change .sub { display:none; }
    .column { fill:var(--c0); } pre { background:var(--fill); padding:.7rem .9rem; overflow-x:auto; font-size:.9em; } pre code { color:var(--ink); font-size:1em; }
    td.digest { font-family:ui-monospace, monospace; font-size:.85em; } table.tensors th[scope=row] { overflow-wrap:anywhere; }
    dl.facts { display:grid; grid-template-columns:max-content minmax(0,1fr); gap:.15rem 1.2rem; } dl.facts dt { margin:0; font-weight:400; color:var(--soft); } dl.facts dd { color:var(--ink); overflow-wrap:anywhere; }
    .what { overflow-wrap:anywhere; } .good { color:var(--good); } .bad { color:var(--bad); }
    .change { display:flex; align-items:center; gap:.6rem; } .change svg { width:8rem; flex:none; }
    .change .sub { min-width:2.6rem; text-align:right; font-variant-numeric:tabular-nums; }
    .move { stroke:var(--c0); stroke-width:2; } .before { fill:var(--paper); stroke:var(--soft); stroke-width:1.5; } .after { fill:var(--c0); }
    .badge { justify-self:end; min-width:1.8rem; text-align:center; color:var(--soft); font-variant-numeric:tabular-nums; }
    .badge.bad { color:var(--bad); background:var(--badfill); border-radius:1rem; font-weight:600; }
    table.probes { margin:.3rem 0 .9rem 1.2rem; font-size:.93em; } table.probes td:not(:nth-child(4)):not(:nth-child(5)), table.probes th:not(:nth-child(4)):not(:nth-child(5)) { text-align:left; }
    td.prompt { white-space:normal; min-width:18rem; } tr.lost td { background:var(--badfill); }
    .sample { margin:.2rem 1.2rem 1rem; padding:.5rem .8rem; background:var(--fill); font-size:.93em; }
    dt { margin-top:.6rem; font-weight:600; } dd { margin:0; color:var(--soft); max-width:60rem; } code { font-size:.88em; font-weight:400; color:var(--soft); }
    @media (max-width: 44rem) { details.fact > summary, .facthead { grid-template-columns:minmax(0,1fr) 3rem; } .facthead span:nth-child(2), .change { display:none; } }
    @media print { :root { --paper:#fff; --ink:#000; --soft:#444; --rule:#bbb; --fill:#f3f3f3; --bar:#dde8f5; --minus:#f5ddd6; --good:#064; --bad:#a20; --badfill:#f8e6e1; }
      body { max-width:none; padding:0; font-size:10pt; } * { print-color-adjust:exact; -webkit-print-color-adjust:exact; }
      :root { color-scheme:only light; } .scroll { overflow:visible; } th, td { padding:.15rem .35rem; } table.methods { font-size:7.5pt; } table.methods td.bar { min-width:2.6rem; }
      .paper { display:inline; } .screen { display:none; } details:not(.quiet)::details-content { content-visibility:visible; display:block; height:auto; }
      summary { list-style:none; } summary::-webkit-details-marker { display:none; } details.fact > summary .what::before, details.fact[open] > summary .what::before { content:none; }
      tr, tbody.together, section.together, figure, summary, .facthead, .sample, dt, dd { break-inside:avoid; } h2, .note, .facthead, thead, tr.group, dt { break-after:avoid; }
      details.run > summary, details.fact:not(.quiet) > summary { break-after:avoid; } table.probes { font-size:8.5pt; } td.prompt { min-width:0; } td.way, td.weight, th[scope=row] { white-space:normal; overflow-wrap:anywhere; } table.runs { font-size:8.5pt; } table.runs thead th { white-space:normal; overflow-wrap:anywhere; } table.runs td.bar { min-width:3rem; }
      .keys, .charts { display:block; } .key { margin-right:1rem; } figure { display:inline-block; width:48%; margin:0 1% .6rem 0; } }
    """
}
