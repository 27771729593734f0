/** Where the build puts what pdf.js reads by name: fonts that documents may leave out, a decoder of JPEG 2000. */
export const PDFJS_FILES = `${import.meta.env.BASE_URL}pdfjs/`;
