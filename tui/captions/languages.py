"""Languages that the `segments` protocol names: codes, English names, own names."""

import unicodedata
from operator import itemgetter

AUTO = "auto"
"""Stands for detection where a language is chosen or shown."""

_NAMES = {
    "en": ("English", "English"),
    "zh": ("Chinese", "中文"),
    "de": ("German", "Deutsch"),
    "es": ("Spanish", "Español"),
    "ru": ("Russian", "Русский"),
    "ko": ("Korean", "한국어"),
    "fr": ("French", "Français"),
    "ja": ("Japanese", "日本語"),
    "pt": ("Portuguese", "Português"),
    "tr": ("Turkish", "Türkçe"),
    "pl": ("Polish", "Polski"),
    "ca": ("Catalan", "Català"),
    "nl": ("Dutch", "Nederlands"),
    "ar": ("Arabic", "العربية"),
    "sv": ("Swedish", "Svenska"),
    "it": ("Italian", "Italiano"),
    "id": ("Indonesian", "Bahasa Indonesia"),
    "hi": ("Hindi", "हिन्दी"),
    "fi": ("Finnish", "Suomi"),
    "vi": ("Vietnamese", "Tiếng Việt"),
    "he": ("Hebrew", "עברית"),
    "uk": ("Ukrainian", "Українська"),
    "el": ("Greek", "Ελληνικά"),
    "ms": ("Malay", "Bahasa Melayu"),
    "cs": ("Czech", "Čeština"),
    "ro": ("Romanian", "Română"),
    "da": ("Danish", "Dansk"),
    "hu": ("Hungarian", "Magyar"),
    "ta": ("Tamil", "தமிழ்"),
    "no": ("Norwegian", "Norsk"),
    "th": ("Thai", "ไทย"),
    "ur": ("Urdu", "اردو"),
    "hr": ("Croatian", "Hrvatski"),
    "bg": ("Bulgarian", "Български"),
    "lt": ("Lithuanian", "Lietuvių"),
    "la": ("Latin", "Latina"),
    "mi": ("Maori", "Māori"),
    "ml": ("Malayalam", "മലയാളം"),
    "cy": ("Welsh", "Cymraeg"),
    "sk": ("Slovak", "Slovenčina"),
    "te": ("Telugu", "తెలుగు"),
    "fa": ("Persian", "فارسی"),
    "lv": ("Latvian", "Latviešu"),
    "bn": ("Bengali", "বাংলা"),
    "sr": ("Serbian", "Српски"),
    "az": ("Azerbaijani", "Azərbaycanca"),
    "sl": ("Slovenian", "Slovenščina"),
    "kn": ("Kannada", "ಕನ್ನಡ"),
    "et": ("Estonian", "Eesti"),
    "mk": ("Macedonian", "Македонски"),
    "br": ("Breton", "Brezhoneg"),
    "eu": ("Basque", "Euskara"),
    "is": ("Icelandic", "Íslenska"),
    "hy": ("Armenian", "Հայերեն"),
    "ne": ("Nepali", "नेपाली"),
    "mn": ("Mongolian", "Монгол"),
    "bs": ("Bosnian", "Bosanski"),
    "kk": ("Kazakh", "Қазақша"),
    "sq": ("Albanian", "Shqip"),
    "sw": ("Swahili", "Kiswahili"),
    "gl": ("Galician", "Galego"),
    "mr": ("Marathi", "मराठी"),
    "pa": ("Punjabi", "ਪੰਜਾਬੀ"),
    "si": ("Sinhala", "සිංහල"),
    "km": ("Khmer", "ខ្មែរ"),
    "sn": ("Shona", "ChiShona"),
    "yo": ("Yoruba", "Yorùbá"),
    "so": ("Somali", "Soomaali"),
    "af": ("Afrikaans", "Afrikaans"),
    "oc": ("Occitan", "Occitan"),
    "ka": ("Georgian", "ქართული"),
    "be": ("Belarusian", "Беларуская"),
    "tg": ("Tajik", "Тоҷикӣ"),
    "sd": ("Sindhi", "سنڌي"),
    "gu": ("Gujarati", "ગુજરાતી"),
    "am": ("Amharic", "አማርኛ"),
    "yi": ("Yiddish", "ייִדיש"),
    "lo": ("Lao", "ລາວ"),
    "uz": ("Uzbek", "Oʻzbekcha"),
    "fo": ("Faroese", "Føroyskt"),
    "ht": ("Haitian Creole", "Kreyòl ayisyen"),
    "ps": ("Pashto", "پښتو"),
    "tk": ("Turkmen", "Türkmençe"),
    "nn": ("Nynorsk", "Norsk nynorsk"),
    "mt": ("Maltese", "Malti"),
    "sa": ("Sanskrit", "संस्कृतम्"),
    "lb": ("Luxembourgish", "Lëtzebuergesch"),
    "my": ("Myanmar", "မြန်မာ"),
    "bo": ("Tibetan", "བོད་སྐད"),
    "tl": ("Tagalog", "Tagalog"),
    "mg": ("Malagasy", "Malagasy"),
    "as": ("Assamese", "অসমীয়া"),
    "tt": ("Tatar", "Татарча"),
    "haw": ("Hawaiian", "ʻŌlelo Hawaiʻi"),
    "ln": ("Lingala", "Lingála"),
    "ha": ("Hausa", "Hausa"),
    "ba": ("Bashkir", "Башҡортса"),
    "jw": ("Javanese", "Basa Jawa"),
    "su": ("Sundanese", "Basa Sunda"),
    "yue": ("Cantonese", "粵語"),
    "zh-hant": ("Traditional Chinese", "繁體中文"),
    "zh-hans": ("Simplified Chinese", "简体中文"),
}
LANGUAGES = {code: english for code, (english, _) in _NAMES.items()}
"""English name by code; a server detects the language where no code is given."""

OWN_NAMES = {code: own for code, (_, own) in _NAMES.items()}
"""What its speakers call a language, by code."""

_LONGEST = 60
"""Characters of a text that are looked at: more than any name has."""
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "ə": "e"} | dict.fromkeys("ʻʼ’'"))
"""What Unicode does not take for a letter with an accent, and apostrophes, which go."""


def _folded(text: str) -> str:
    """The text without case, accents and apostrophes, `_` as `-`."""
    apart = unicodedata.normalize("NFKD", text.strip()[:_LONGEST].casefold())
    plain = "".join(char for char in apart if not unicodedata.combining(char))
    return " ".join(plain.translate(_LETTERS).replace("_", "-").split())


_FOLDED = {code: tuple(map(_folded, names)) for code, names in _NAMES.items()}
_CODES = {name: code for code, names in _FOLDED.items() for name in names}


def language_code(text: str) -> str | None:
    """The code that a code or a name means, in any case: `EN`, `german`, `Français`, `en-US`."""
    wanted = _folded(text)
    if wanted in LANGUAGES:
        return wanted
    base = wanted.partition("-")[0]
    return _CODES.get(wanted) or (base if base in LANGUAGES else None)


def language_name(code: str | None) -> str:
    """The English name; `auto` for detection, the code itself where it is of no known language."""
    return AUTO if code is None else LANGUAGES.get(code, code)


def find_languages(text: str) -> list[str]:
    """The codes whose code, English name or own name the text may mean, best match first.

    All of them, in the order of the table, where there is no text.
    """
    wanted = _folded(text)
    ranked = [(rank, code) for code in LANGUAGES if (rank := _rank(wanted, code)) is not None]
    return [code for _, code in sorted(ranked, key=itemgetter(0))]


def _rank(wanted: str, code: str) -> int | None:
    """How well the text fits a language, 0 best; `None` where it does not."""
    names = _FOLDED[code]
    fits = (
        wanted in ("", code),
        any(name.startswith(wanted) for name in names),
        any(f" {wanted}" in name for name in names),
        code.startswith(wanted),
        any(wanted in name for name in names),
    )
    return fits.index(True) if any(fits) else None
