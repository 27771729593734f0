/**
 * Pages of a PDF, drawn in the page itself. Nothing of a document is run: no scripts of its own, no `eval` of its
 * functions, no compiled code (the site's policy forbids both). Loaded when the first PDF is opened.
 */
import { getDocument, GlobalWorkerOptions, TextLayer, type PDFDocumentProxy, type RenderTask } from 'pdfjs-dist/legacy/build/pdf.mjs';
import workerUrl from 'pdfjs-dist/legacy/build/pdf.worker.min.mjs?url';
import { PDFJS_FILES } from './files';

GlobalWorkerOptions.workerSrc = workerUrl;

/** Browsers draw nothing on a canvas that is larger; such a page is drawn coarser. In pixels. */
const LARGEST_CANVAS = 16_000_000;
/** A picture in a document that would not fit into memory is left out. In pixels. */
const LARGEST_PICTURE = 64_000_000;

/** One document that is open. Give it back with `close`. */
export class PdfPages {
  private task: RenderTask | null = null;
  private text: TextLayer | null = null;

  private constructor(private readonly pdf: PDFDocumentProxy) {}

  /** Read a document. Throws where the bytes are none that can be read. */
  static async read(bytes: ArrayBuffer): Promise<PdfPages> {
    const loading = getDocument({
      data: new Uint8Array(bytes),
      isEvalSupported: false,
      enableXfa: false,
      useWasm: false,
      wasmUrl: `${PDFJS_FILES}wasm/`,
      standardFontDataUrl: `${PDFJS_FILES}standard_fonts/`,
      maxImageSize: LARGEST_PICTURE,
      verbosity: 0,
    });
    try {
      return new PdfPages(await loading.promise);
    } catch (error) {
      void loading.destroy();
      throw error;
    }
  }

  get count(): number {
    return this.pdf.numPages;
  }

  /** The size of a page at scale 1, in CSS pixels. */
  async size(number: number): Promise<{ width: number; height: number }> {
    const { width, height } = (await this.pdf.getPage(number)).getViewport({ scale: 1 });
    return { width, height };
  }

  /** Draw a page and lay its text over it; answers whether it has text, null when another drawing took its place. */
  async draw(number: number, scale: number, canvas: HTMLCanvasElement, layer: HTMLElement): Promise<boolean | null> {
    this.task?.cancel();
    this.text?.cancel();
    const page = await this.pdf.getPage(number);
    const viewport = page.getViewport({ scale });
    const wanted = window.devicePixelRatio || 1;
    const sharp = Math.min(wanted, Math.sqrt(LARGEST_CANVAS / (viewport.width * viewport.height)));
    canvas.width = Math.floor(viewport.width * sharp);
    canvas.height = Math.floor(viewport.height * sharp);
    const task = page.render({ canvas, viewport, ...(sharp === 1 ? {} : { transform: [sharp, 0, 0, sharp, 0, 0] }) });
    this.task = task;
    try {
      await task.promise;
    } catch (error) {
      if ((error as Error).name === 'RenderingCancelledException') return null;
      throw error;
    }
    if (task !== this.task) return null;
    const content = await page.getTextContent();
    if (task !== this.task) return null;
    layer.replaceChildren();
    layer.style.setProperty('--total-scale-factor', String(scale));
    layer.style.setProperty('--scale-factor', String(scale));
    const text = new TextLayer({ textContentSource: content, container: layer, viewport });
    this.text = text;
    try {
      await text.render();
    } catch {
      return null; // another page is drawn already
    }
    return content.items.some((item) => 'str' in item && item.str.trim() !== '');
  }

  close(): void {
    this.task?.cancel();
    this.text?.cancel();
    void this.pdf.loadingTask.destroy();
  }
}
