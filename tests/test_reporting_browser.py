"""The page of a report as a browser shows it: wide, narrow and on paper."""

import html
import json
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_reporting import hostile

from placement import Instance, Solution, analyze, report, solve

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is found"),
    pytest.mark.skipif(
        find_spec("jinja2") is None or find_spec("matplotlib") is None,
        reason="matplotlib or Jinja is not installed",
    ),
]
INSTANCES = Path(__file__).parent.parent / "instances"
PROBE = """
<script>
addEventListener("securitypolicyviolation", (event) => { window.refused = event.blockedURI; });
addEventListener("load", () => {
  const boxes = (all) => [...all].map((one) => [one, one.getBoundingClientRect()]);
  const cross = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1.5
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1.5;
  const said = (one) => one.textContent.trim().slice(0, 40);
  const overlaps = [], cut = [];
  for (const drawing of document.querySelectorAll("svg")) {
    const texts = boxes(drawing.querySelectorAll("text")), all = drawing.getBoundingClientRect();
    texts.forEach(([one, a], i) => {
      if (a.left < all.left - 1 || a.right > all.right + 1 || a.top < all.top - 2
        || a.bottom > all.bottom + 2) cut.push(said(one));
      texts.slice(i + 1).forEach(([two, b]) => {
        if (cross(a, b)) overlaps.push([said(one), said(two)]);
      });
    });
  }
  for (const parent of document.querySelectorAll("body, header, main, section, dl, div, tr, ul")) {
    const shown = boxes(parent.children).filter(([one, box]) => box.width && box.height);
    shown.forEach(([one, a], i) => shown.slice(i + 1).forEach(([two, b]) => {
      if (cross(a, b)) overlaps.push([said(one), said(two)]);
    }));
  }
  const texts = "p, li, dt, dd, h1, h2, h3, th, td, caption, pre, figcaption, label";
  for (const one of document.querySelectorAll(texts))
    if (one.scrollWidth > one.clientWidth + 1 && one.clientWidth) cut.push(said(one));
  for (const box of document.querySelectorAll(".scroll"))
    if (box.getBoundingClientRect().right > innerWidth) cut.push(box.ariaLabel);
  const rows = () => document.querySelectorAll("#nodes-found tr").length;
  const all = rows(), find = document.getElementById("find");
  find.value = document.querySelector("#nodes-found th").textContent;
  find.dispatchEvent(new Event("input"));
  parent.postMessage({
    width: innerWidth, scroll: document.documentElement.scrollWidth, overlaps, cut,
    fetched: performance.getEntriesByType("resource").map((entry) => entry.name),
    refused: window.refused || null, alerted: window.alerted || null, nodes: all, found: rows(),
  }, "*");
});
</script>
"""
FRAME = """<!DOCTYPE html><meta charset="utf-8"><body><script>
addEventListener("message", (event) => {{
  const out = document.createElement("pre");
  out.id = "out"; out.textContent = JSON.stringify(event.data); document.body.append(out);
}});
</script><iframe style="border:0;width:{width}px;height:900px" srcdoc="{page}"></iframe>"""


def browse(folder, *options):
    """Run the browser, without a window, on what is given last."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000", *options]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return done.stdout.decode()


def shipped(name):
    """A shipped network with its plan."""
    return Instance.load(INSTANCES / f"{name}.json"), Solution.load(
        INSTANCES / f"{name}.solution.json"
    )


@pytest.fixture(scope="module", params=["tee-scarce-0", "hostile"])
def page(request):
    """The page of a shipped network with some parts, and of one with hostile names with all."""
    if request.param == "hostile":
        instance = hostile()
        plan = solve(instance, gap=0).solution
        return report(instance, plan, analyze(instance, plan, time_limit_s=3))
    instance, plan = shipped(request.param)
    parts = ["gains", "candidates", "robustness", "frontiers"]
    return report(instance, plan, analyze(instance, plan, parts=parts, time_limit_s=3))


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overlaps_or_is_cut_or_fetched(page, width, tmp_path):
    """On a desk and on a telephone; the search finds a node by its name."""
    probed = page.replace("</body>", f"{PROBE}</body>")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width, page=html.escape(probed)), encoding="utf-8")
    shown = browse(tmp_path, "--dump-dom", frame.as_uri())
    (out,) = re.findall(r'<pre id="out">(.*?)</pre>', shown, re.DOTALL)
    seen = json.loads(html.unescape(out))
    assert seen["width"] == width
    assert seen["scroll"] <= width
    assert not seen["overlaps"], seen["overlaps"][:5]
    assert not seen["cut"], seen["cut"][:5]
    assert seen["fetched"] == []
    assert seen["refused"] is seen["alerted"] is None
    assert 1 <= seen["found"] <= seen["nodes"]


def test_it_prints(page, tmp_path):
    """On several pages of A4."""
    path, paper = tmp_path / "page.html", tmp_path / "page.pdf"
    path.write_text(page, encoding="utf-8")
    browse(tmp_path, f"--print-to-pdf={paper}", path.as_uri())
    assert paper.read_bytes().startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes())) >= 7
