"""Makes `docs/dashboard.svg`: the real dashboard, captioning the recording that ships.

Run it from the project's root: `.venv/bin/python docs/screenshot.py`.
"""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

from tui.app import CapttyApp
from tui.launch import Wish, open_session
from tui.widgets.live_text import LiveText

_NOT_BEFORE = 24 * 16_000


async def main() -> None:
    """Caption the demo until a word of the open text has just been revised."""
    with tempfile.TemporaryDirectory() as folder:
        wish = Wish("demo", data=Path(folder))
        app = CapttyApp(
            lambda source, language, start, wake: open_session(
                replace(wish, source=source, language=language, start=start), wake
            ),
            source="demo",
            language="en",
        )
        async with app.run_test(size=(100, 28)) as pilot:
            live = app.caption_screen.query_one(LiveText)
            while not (app.session and "~" in live.render_line(0).text and _late(app)):
                await pilot.pause(0.05)
            svg = app.export_screenshot(title="captty demo")
            Path(__file__).with_name("dashboard.svg").write_text(svg)
            await asyncio.to_thread(app.session.close)


def _late(app: CapttyApp) -> bool:
    return app.caption_screen._snapshot.progress.captured > _NOT_BEFORE


asyncio.run(main())
