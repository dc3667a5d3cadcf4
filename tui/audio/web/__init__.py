"""Sound from the web: files, endless streams and HLS, over HTTP that leads nowhere unasked."""

from tui.audio.web.address import Address, address_name, is_address
from tui.audio.web.client import Client, WebError
from tui.audio.web.opening import open_url

__all__ = ["Address", "Client", "WebError", "address_name", "is_address", "open_url"]
