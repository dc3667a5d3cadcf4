"""The one table of what a person can do: keys, footer, help and palette all come from it."""

from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do on the dashboard."""

    id: str
    """Name by which user key maps refer to it."""
    keys: str
    """Comma-separated, the first is shown."""
    label: str
    """One or two words, for the footer."""
    help: str
    """One sentence, for help and palette."""
    action: str
    footer: bool = True
    """Whether the footer has room for it."""
    palette: bool = True
    """Whether it makes sense in the command palette."""
    first: bool = False
    """Whether it is carried out before the next key is looked at, which it sends elsewhere."""

    def binding(self) -> Binding:
        """The command as Textual knows it; a key with ctrl is never typed as text."""
        return Binding(
            self.keys,
            self.action,
            self.label,
            show=self.footer,
            tooltip=self.help,
            id=self.id,
            priority=self.first or self.keys.startswith("ctrl+"),
        )


QUIT = Command(
    "quit", "ctrl+q", "Quit", "End the session, which stays saved, and quit.", "app.quit"
)
INTERRUPT = Command(
    "interrupt",
    "ctrl+c",
    "Copy",
    "Copy what is selected; twice with nothing selected quits.",
    "app.interrupt",
    footer=False,
    palette=False,
)
SUSPEND = Command(
    "suspend",
    "ctrl+z",
    "Suspend",
    "Go back to the shell; its command fg returns here.",
    "app.suspend_process",
    footer=False,
)
COMMANDS = (
    Command("help", "question_mark", "Help", "Show all keys and what the marks mean.", "help"),
    QUIT,
    Command("pause", "space", "Pause", "Pause the source, or resume it.", "toggle_pause"),
    Command("stop", "s", "Stop", "Stop listening and wait for the last words.", "stop"),
    Command(
        "language", "l", "Language", "Switch the language that is recognised.", "choose_language"
    ),
    Command("record", "r", "Record", "Keep the sound to listen to it later, or stop.", "record"),
    Command(
        "finish", "i", "Finish", "Caption the rest of a session that was interrupted.", "finish"
    ),
    Command("follow", "f,end", "Latest", "Follow the newest captions again.", "read('follow')"),
    Command(
        "source",
        "o",
        "Open",
        "Choose what to caption: mic, a file, a URL.",
        "choose_source",
        first=True,
    ),
    Command(
        "refresh", "ctrl+r", "Refresh", "Look for microphones again.", "refresh_devices", False
    ),
    Command("captions", "escape", "Read", "Go from the fields to the captions.", "captions"),
    Command(
        "up",
        "up",
        "Row up",
        "Look back one row; the view then holds still.",
        "read('scroll_up')",
        False,
    ),
    Command("down", "down", "Row down", "Go forward one row.", "read('scroll_down')", False),
    Command("page_up", "pageup", "Page up", "Look back a page.", "read('page_up')", False),
    Command("page_down", "pagedown", "Page down", "Go forward a page.", "read('page_down')", False),
    Command("home", "home", "First", "Go to the first caption.", "read('scroll_home')", False),
    Command(
        "palette",
        "ctrl+p",
        "Palette",
        "Search all commands, and choose the colours.",
        "app.command_palette",
        palette=False,
    ),
    INTERRUPT,
    SUSPEND,
)


def bindings() -> list[BindingType]:
    """All commands as Textual bindings."""
    return [command.binding() for command in COMMANDS]
