import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/**
 * Keeps in `data-more` on which sides of an element there is more to scroll to: `left`, `right` or both. Without it, a
 * table that is cut at a column's end looks complete where scroll bars are hidden.
 */
export function useScrollHint(box: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => {
      const { scrollLeft, clientWidth, scrollWidth } = element;
      const sides = [
        scrollLeft > 1 && 'left',
        // Widths are rounded.
        scrollLeft + clientWidth < scrollWidth - 1 && 'right',
      ];
      element.dataset.more = sides.filter((side) => side !== false).join(' ');
    };
    const observer = new ResizeObserver(look);
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, []);
}
