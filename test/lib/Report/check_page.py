"""Opens reports in a browser and uses them as a reader does: a click on a
column head sorts, a search filters, a node shows what it became."""
import sys

from browser import Page

CELLS = """[...document.querySelectorAll("#{table} tbody tr")].map((row) => row.children[{column}]?.textContent)"""


def check_no_overflow(page, where):
    widths = page.run("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1], f"{where}: the page is {widths[0]} wide, the window {widths[1]}"


def check_no_overlap(page, where):
    """No two boxes of a graph lie on each other."""
    pairs = page.run("""[...document.querySelectorAll(".pane")].flatMap((pane) => {
        const boxes = [...pane.querySelectorAll(".node > rect, .reference > rect, .head > rect")].map((box) => box.getBBox());
        return boxes.flatMap((a, i) => boxes.slice(0, i).filter((b) =>
          a.x < b.x + b.width - 0.5 && b.x < a.x + a.width - 0.5 && a.y < b.y + b.height - 0.5 && b.y < a.y + a.height - 0.5).map((b) => [a.x, a.y, b.x, b.y]));
      })""")
    assert not pairs, f"{where}: {len(pairs)} pairs of boxes overlap, the first at {pairs[0]}"


def check_tables(page):
    for table, column in (("costs-table", 0), ("remarks-table", 1)):
        cells = CELLS.format(table=table, column=column)
        before = page.run(cells)
        head = f"#{table} thead th:nth-child({column + 1}) button"
        page.click(head)
        ascending = page.run(cells)
        page.click(head)
        descending = page.run(cells)
        assert sorted(before) == sorted(ascending) == sorted(descending), f"{table}: sorting loses rows"
        assert before != ascending and ascending[0] < ascending[-1], f"{table}: is not sorted"
        assert descending[0] == ascending[-1] and descending[-1] == ascending[0], f"{table}: is not sorted downwards"
        assert page.run(f"""document.querySelector("#{table} th:nth-child({column + 1})").ariaSort""") == "descending"
    # Numbers sort as numbers: of the bytes, the largest first.
    page.click("#costs-table thead th:nth-child(7) button")
    shares = page.run("""[...document.querySelectorAll("#costs-table .bar span")].map((bar) => parseFloat(bar.style.width))""")
    assert len(set(shares)) > 3, "all costs are equal"
    page.type("#remarks-filter", "index-select scores")
    passes = page.run(CELLS.format(table="remarks-table", column=1))
    assert passes and set(passes) == {"fuse-index-select"}, passes
    page.type("#remarks-filter", "no such remark")
    assert page.run(CELLS.format(table="remarks-table", column=0)) == ["Nothing matches."]
    page.type("#remarks-filter", "")
    assert len(page.run(CELLS.format(table="remarks-table", column=0))) > len(passes)


def check_graph(page):
    closed = page.run("""document.querySelectorAll(".node").length""")
    page.click("[data-layers=open]")
    opened = page.run("""document.querySelectorAll(".node").length""")
    assert opened > closed, "layers do not open"
    check_no_overlap(page, "all layers open")
    texts = page.run("""[...document.querySelectorAll(".times")].map((text) => text.textContent)""")
    assert "×2" in texts, f"equal layers are not folded: {texts}"
    page.click("#fold")
    page.click("[data-layers=open]")
    assert page.run("""document.querySelectorAll(".node").length""") > opened, "layers do not unfold"
    page.click("#fold")
    # The legend marks all groups, and a node of one shows its remark.
    page.click(".chip[data-fusion=fulgur-fuse-index-select]")
    assert page.run("""document.querySelectorAll('[data-graph=fused] .node.marked').length""") >= 1
    page.click("[data-graph=raised] .node[data-op='fulgur.lightning_indexer']")
    detail = page.run("""document.querySelector("#detail").textContent""")
    assert "fuse-index-select" in detail and "the scores are not stored" in detail, detail
    after = page.run("""[...document.querySelectorAll('[data-graph=fused] .node.marked .label')].map((label) => label.textContent)""")
    assert after == ["index_select"], after
    # The same with the keyboard.
    page.key("Escape")
    assert page.run("""document.querySelectorAll('.node.marked').length""") == 0, "Escape does not clear"
    page.run("""document.querySelector('[data-graph=fused] .node').focus()""")
    page.key("ArrowDown")
    page.key("Enter")
    assert page.run("""document.querySelectorAll('[data-graph=fused] .node.selected').length""") == 1, "Enter does not select"
    page.type("#graph-search", "sparse_latent_attention")
    found = page.run("""[...document.querySelectorAll('.node.marked .label')].map((label) => label.textContent)""")
    assert found and set(found) == {"sparse_latent_attention"}, found
    page.type("#graph-search", "")
    # A remark leads to its node.
    page.click("#remarks-table .link")
    assert page.run("""document.querySelectorAll('.node.selected').length""") == 1, "a remark does not lead to its node"


def check_memory(page):
    boxes = page.run("""document.querySelectorAll(".buffer").length""")
    peak = page.run("""document.querySelectorAll(".buffer.peak").length""")
    assert boxes > 50 and 0 < peak < boxes, (boxes, peak)
    facts = page.run("""document.querySelector("#plan-facts").textContent""")
    page.run("""(() => { const plan = document.querySelector("#plan"); plan.value = 0; plan.dispatchEvent(new Event("change")); })()""")
    assert page.run("""document.querySelector("#plan-facts").textContent""") != facts, "other dimensions change nothing"
    page.run("""document.querySelector(".buffer").focus()""")
    page.key("ArrowDown")
    assert "steps" in page.run("""document.querySelector("#buffer").textContent""")


def check_theme(page, dark):
    ground = "getComputedStyle(document.body).backgroundColor"
    brightness = f"{ground}.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0)"
    assert (page.run(brightness) < 200) == dark, "the theme is not the system's"
    page.click("#theme")
    assert (page.run(brightness) < 200) != dark, "the toggle does not change the theme"
    page.click("#theme")


def main(report, hostile, picture):
    with Page("file://" + report) as page:
        check_no_overlap(page, "as it opens")
        check_theme(page, dark=False)
        check_tables(page)
        check_graph(page)
        check_memory(page)
        check_no_overflow(page, "wide")
        page.screenshot(picture)
        for width in (1000, 390):
            page.resize(width, 800)
            check_no_overflow(page, f"{width} wide")
        assert not page.problems, page.problems
    with Page("file://" + hostile, dark=True) as page:
        check_theme(page, dark=True)
        page.click("[data-graph=fused] .node", 1)
        page.click("#remarks-table thead button")
        assert page.run("document.title").startswith("Fulgur: "), "a name of the model ran as a script"
        assert page.run("document.querySelectorAll('script').length") == 2 and not page.run("document.querySelectorAll('main img').length")
        text = page.run("document.body.textContent")
        for name in ("</script><script>document.title='x'</script>", "<b>\"'&amp;", "__proto__", "\ufffd\ufffd\"'`${alert(1)}\ufffd"):
            assert name in text, f"{name!r} is not shown as it is"
        assert not page.problems, page.problems


main(*sys.argv[1:])
