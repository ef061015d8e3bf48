"""The panel for people who do not use a mouse, or a screen, or one colour scheme only."""

from __future__ import annotations

import json

import pytest

from tests.support.axe import findings
from tests.support.panel_page import INFO, STREAMING, PanelPage, item, transcript

TEXT = """A [link](https://example.org), `code`, **bold**.

```python
x = 1  # a comment
```

| a | b |
|---|---|
| 1 | 2 |

> quote

![picture](https://example.org/a.png)
"""
LAB_DARK = """<style>
  :root { --jp-layout-color1: #111111; --jp-ui-font-color1: rgba(255, 255, 255, 1); --jp-brand-color1: #2196f3;
          --jp-error-color0: #ef9a9a; }
  body { background: #111111; }
</style>"""
SESSIONS = [
    {"value": "1", "label": "one", "name": "notebook", "hint": "2 messages", "current": True},
    {"value": "2", "label": "one more", "hint": "9 messages", "group": "Archived"},
]
FOUND = [
    {
        "value": "1",
        "message": "m1",
        "label": "one",
        "hint": "you",
        "snippet": "… one of them …",
        "group": "In messages",
    }
]
CELL_STYLE = """<style>
  .lsnb-lang, .lsnb-target, .lsnb-note, .lsnb-footer { opacity: .75 } .lsnb-code { padding-left: 7em }
</style>"""


@pytest.fixture
def full(blank):
    """Return a function that mounts a panel with everything in it, in a theme."""

    def mount(theme, head=""):
        messages = [
            item(0, "Be brief.", "system"),
            item(1, "A question", "user", version=[1, 2, None, "m8"], at=1_700_000_000_000),
            item(
                2, TEXT, note="mock:script · 412→128 tok", version=[2, 2, "m7", None], thinking="<p>Hm.</p>"
            ),
            item(3, "hidden", "user", hidden=True),
            item(4, "", status="error", error="It failed.", note="mock:error"),
        ]
        live = {**STREAMING, "text": "One.\n\nTwo", "html": "<p>One.</p><p>Two</p>", "settled": 11}
        info = {
            **INFO,
            "branches": ["main", "branch-2"],
            "contextUsed": "3.1k",
            "contextLimit": "3.2k",
            "contextShare": 0.97,
            "last": "412→128 tok",
            "total": "1→2 tok",
            "title": "A long question in short",
            "archived": True,
            "budget": {"text": "$0.05 of $1.00 left", "share": 0.05},
        }
        return PanelPage(
            blank.page,
            {
                "theme": theme,
                "height": "60rem",
                "info": info,
                "problem": "Something went wrong.",
                "transcript": {
                    "rev": 1,
                    "earlier": 3,
                    "messages": messages,
                    "live": {**live, "foreign": True},
                },
            },
            head=head + CELL_STYLE,
        )

    return mount


@pytest.mark.parametrize(
    "theme, head",
    [("light", ""), ("dark", ""), ("auto", ""), ("auto", LAB_DARK)],
    ids=["light", "dark", "auto", "lab"],
)
def test_no_serious_finding(full, blank, theme, head):
    """axe-core finds nothing serious or critical: in the panel, its open list, its menu and its dialogs."""
    page = blank.page
    panel = full(theme, head)
    panel.answer(json.dumps({"sessions": {"sessions": SESSIONS}, "search": {"found": FOUND}}))
    page.locator("[data-id=m2]").hover()
    page.get_by_role("toolbar").wait_for()
    assert findings(page) == []
    page.get_by_role("button", name="Session: a session: A long question").click()
    page.get_by_role("option", name="one notebook").wait_for()
    assert findings(page) == []
    page.get_by_role("combobox").fill("one")
    page.locator(".lsnb-snippet mark").first.wait_for()
    assert findings(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="More").click()
    assert findings(page) == []
    page.get_by_role("menuitem", name="Options…").click()
    assert findings(page, "dialog") == []


@pytest.mark.parametrize(
    "theme, head",
    [("light", ""), ("dark", ""), ("auto", LAB_DARK)],
    ids=["light", "dark", "lab"],
)
def test_no_serious_finding_in_an_empty_panel(blank, theme, head):
    """The greeting with its examples, and the list of models with its headings."""
    page = blank.page
    panel = PanelPage(page, {"theme": theme, "info": INFO}, head=head)
    models = [
        {"value": "mock:echo", "label": "mock:echo", "hint": "offline", "current": True},
        {"value": "openai:x", "label": "openai:x", "hint": "400k · $1.25 / $10", "group": "openai: context"},
        {
            "value": "groq",
            "label": "groq",
            "hint": "no key set",
            "group": "Providers without a key",
            "code": "%x",
        },
    ]
    panel.answer(json.dumps({"models": {"models": models}}))
    assert findings(page) == []
    page.get_by_role("button", name="Choose a model").click()
    page.get_by_role("option", name="groq").wait_for()
    assert findings(page) == []


def test_what_was_found_is_marked_and_has_the_focus(blank):
    """A message that a search led to is in view, has the focus, and its marks can be read in any theme."""
    page = blank.page
    messages = [item(n, f"message {n}\n\n" + "line  \n" * 8) for n in range(1, 30)]
    panel = PanelPage(page, {"transcript": transcript(*messages, item(30, "the needle here", "user"), rev=1)})
    hit = {
        "value": "s1",
        "message": "m4",
        "label": "a session",
        "snippet": "message 4",
        "group": "In messages",
    }
    panel.answer(json.dumps({"search": {"found": [hit]}, "find": {"shown": True}}))
    page.get_by_role("button", name="Session: a session").press("Enter")
    page.keyboard.type("message 4")
    page.get_by_role("option", name="a session").wait_for()
    page.keyboard.press("Enter")
    found = page.locator(".lsnb-found")
    found.wait_for()
    assert page.locator(":focus").get_attribute("data-id") == "m4"
    assert panel.sent("find") == [{"id": "s1", "message": "m4"}]
    box, log = found.bounding_box(), page.get_by_role("log").bounding_box()
    assert log["y"] <= box["y"] <= log["y"] + log["height"] / 2
    assert findings(page) == []
    assert page.evaluate("() => [...CSS.highlights.get('lsnb-found')].map(String)") == ["message", "4"]
    page.keyboard.press("ArrowDown")
    assert found.count() == 0


def test_everything_can_be_reached_by_tab(full, blank):
    """Tab goes through header, conversation, box and button, each with a visible outline and a name."""
    page = blank.page
    full("light")
    seen: list[str] = []
    while "Message" not in seen and len(seen) < 80:
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            """() => {
              const at = document.activeElement, words = at.textContent.trim().slice(0, 40);
              return [at.getAttribute('aria-label') || words, getComputedStyle(at).outlineStyle];
            }"""
        )
        assert name
        assert outline != "none", f"{name} shows no focus"
        seen.append(name)
    for name in (
        "Session: a session: A long question in short (archived)",
        "Model: mock:echo",
        "More",
        "Conversation",
        "Earlier version",
        "Retry",
        "Message",
    ):
        assert name in seen


def test_targets_are_large_enough(full, blank):
    """Buttons are at least 24 by 24 pixels."""
    page = blank.page
    full("light")
    page.locator("[data-id=m2]").hover()
    sizes = page.evaluate(
        """() => [...document.querySelectorAll('.lsnb-panel button, .lsnb-panel summary')]
          .filter((node) => node.checkVisibility())
          .map((node) => [node.textContent || node.getAttribute('aria-label'), node.getBoundingClientRect()])
          .filter(([, box]) => Math.min(box.width, box.height) < 24).map(([name]) => name)"""
    )
    assert sizes == []


@pytest.mark.parametrize("width", [320, 220], ids=["alone", "beside JupyterLab's side bars"])
def test_a_narrow_panel_scrolls_in_one_direction_only(full, blank, width):
    """On a page of 320 pixels nothing is cut off or needs scrolling sideways but code and tables."""
    page = blank.page
    page.set_viewport_size({"width": width, "height": 800})
    full("light")
    page.locator("[data-id=m2]").hover()
    wide = page.evaluate(
        """() => { const root = document.querySelector('.lsnb-panel'); const right = root.getBoundingClientRect().right;
          return [...root.querySelectorAll('button, textarea, p, .lsnb-foot, .lsnb-plain')]
            .filter((node) => node.checkVisibility() && node.getBoundingClientRect().right > right + 1)
            .map((node) => node.outerHTML.slice(0, 80)); }"""
    )
    page.set_viewport_size({"width": 1100, "height": 850})
    assert wide == []
    assert page.locator(".lsnb-log").evaluate("(log) => log.scrollWidth <= log.clientWidth")


def test_a_table_in_a_narrow_panel_keeps_its_words_whole(blank):
    """A wide table scrolls in its own box; no word of it is broken."""
    page = blank.page
    page.set_viewport_size({"width": 320, "height": 800})
    table = "| measurement | uncertainty | reproducibility |\n|---|---|---|\n| a | b | c |"
    PanelPage(page, {"transcript": transcript(item(1, table))})
    lines = page.locator(".lsnb-body th").evaluate_all(
        """(cells) => cells.map((cell) => {
          const words = document.createRange();
          words.selectNodeContents(cell);
          return words.getClientRects().length;
        })"""
    )
    assert lines == [1, 1, 1]
    assert page.get_by_role("log").evaluate("(log) => log.scrollWidth <= log.clientWidth")
    page.set_viewport_size({"width": 1100, "height": 850})


def test_motion_is_reduced_on_request(full, blank):
    """Where the reader asked for less motion, the dots stand still."""
    page = blank.page
    page.emulate_media(reduced_motion="reduce")
    full("light")
    assert (
        page.locator(".lsnb-dots i").first.evaluate("(dot) => getComputedStyle(dot).animationName") == "none"
    )
    page.emulate_media(reduced_motion="no-preference")


def test_the_theme_follows_the_page(full, blank):
    """`auto` takes JupyterLab's colours where there are some, else the system's scheme; the others are fixed."""
    page = blank.page

    def background(theme, head=""):
        full(theme, head)
        return page.locator(".lsnb-panel").evaluate("(panel) => getComputedStyle(panel).backgroundColor")

    assert background("auto", LAB_DARK) == "rgb(17, 17, 17)"
    assert background("light", LAB_DARK) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    dark = background("auto")
    page.emulate_media(color_scheme="light")
    assert dark == background("dark") != background("auto")


def test_the_focus_never_falls_out_of_the_panel(blank):
    """When what has the focus goes away, what took its place has it, or the box; never the notebook's own keys."""
    page = blank.page
    first = transcript(item(1, "why?", "user"), item(2, "so", version=[2, 3, "m7", "m8"]))
    panel = PanelPage(page, {"transcript": first, "problem": "It failed."})
    panel.answer()
    focused = page.locator(":focus")
    page.get_by_role("button", name="Later version").press("Enter")
    panel.set(
        transcript=transcript(item(1, "why?", "user"), item(8, "also", version=[3, 3, "m2", None]), rev=2)
    )
    assert focused.get_attribute("data-id") == "m8"  # at the end there is no later version
    page.get_by_role("button", name="Earlier version").focus()
    panel.set(
        transcript=transcript(item(1, "why?", "user"), item(2, "so", version=[2, 3, "m7", "m8"]), rev=3)
    )
    assert focused.get_attribute("aria-label") == "Earlier version"
    panel.set(transcript=transcript(item(1, "why?", "user"), item(2, "so", hidden=True), rev=4))
    assert focused.get_attribute("data-id") == "m2"
    page.get_by_role("button", name="Regenerate", exact=True).press("Enter")
    assert focused.get_attribute("aria-label") == "Message"
    page.get_by_role("button", name="Dismiss").press("Enter")
    assert focused.get_attribute("aria-label") == "Message"


def test_a_resting_pointer_does_not_take_the_actions_from_the_keyboard(blank):
    """Keys that scroll a message under the pointer leave the actions at the message that has the focus."""
    page = blank.page
    messages = [item(n, f"message {n}\n\n" + "line  \n" * 8) for n in range(1, 9)]
    panel = PanelPage(page, {"transcript": transcript(*messages)})
    page.locator("[data-id=m8]").hover()
    panel.page.get_by_role("log").focus()
    for _ in range(6):
        page.keyboard.press("ArrowUp")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.locator(":focus").get_attribute("data-id") == "m3"
    page.locator("[data-id=m3]").get_by_role("toolbar").wait_for()
