"""The contrast of a page's texts, as a JavaScript expression."""

#: The lowest contrast of any text with what is behind it, by WCAG 2. Controls that are switched off do not count.
CONTRAST = """
(() => {
  const light = colour => {
    const part = value => value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
    const [red, green, blue] = colour.match(/[\\d.]+/g).map(Number);
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  };
  const behind = each => {
    const colour = getComputedStyle(each).backgroundColor;
    return each.parentElement && colour == 'rgba(0, 0, 0, 0)' ? behind(each.parentElement) : colour;
  };
  const of = each => {
    const [a, b] = [light(getComputedStyle(each).color), light(behind(each))].sort((a, b) => b - a);
    return (a + 0.05) / (b + 0.05);
  };
  const all = [...document.body.querySelectorAll('*:not(:disabled)')];
  const says = each => [...each.childNodes].some(node => node.nodeType == Node.TEXT_NODE && node.data.trim());
  const texts = all.filter(each => each.checkVisibility() && says(each));
  return Math.min(...texts.map(of));
})()
"""
