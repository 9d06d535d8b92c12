"""Small marks for the sign-in buttons, none of them anybody's logo."""


def letter(text: str, colour: str) -> str:
    """A letter on a coloured square, as an SVG."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
        f'<rect width="24" height="24" rx="5" fill="{colour}"/>'
        '<text x="12" y="17" font-family="sans-serif" font-size="14" font-weight="700" '
        f'text-anchor="middle" fill="#fff">{text}</text></svg>'
    )


KEY = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#b45309" '
    'stroke-width="2.5" stroke-linecap="round"><circle cx="7.5" cy="12" r="4"/>'
    '<path d="M11.5 12H21M17 12v4M20 12v3"/></svg>'
)
