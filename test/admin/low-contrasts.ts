// Finds text with too little contrast. WCAG 2 asks for 4.5 between a text and its background.

import type { Page } from 'playwright-core';

const LEAST = 4.5;

interface Text {
  readonly text: string;
  readonly color: string;
  readonly background: string;
}

/** Code for the page: lists every visible text with its colour and that of the nearest opaque background. */
const TEXTS = `[...document.querySelectorAll('body *')]
  .filter((one) => one.checkVisibility() && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  .map((one) => {
    let ground = one;
    while (ground.parentElement && getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
    return {
      text: one.textContent.trim(),
      color: getComputedStyle(one).color,
      background: getComputedStyle(ground).backgroundColor,
    };
  })`;

/** Returns a line for each text with too low a contrast. Throws if fewer than 20 texts are visible. */
export async function lowContrasts(page: Page): Promise<string[]> {
  const texts = await page.evaluate<Text[]>(TEXTS);
  if (texts.length < 20) throw new Error(`only ${texts.length} texts are seen`);
  return texts
    .map((text) => ({ ...text, contrast: contrast(luminance(text.color), luminance(text.background)) }))
    .filter(({ contrast }) => contrast < LEAST)
    .map(({ text, color, background, contrast }) => `${text}: ${color} on ${background}, ${contrast.toFixed(2)}`);
}

function contrast(one: number, other: number): number {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

/** Relative luminance of `rgb(r, g, b)`. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [...color.matchAll(/[\d.]+/g)].map(([value]) => {
    const part = Number(value) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
