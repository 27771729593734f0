"""The one way in: what a file is follows from its content, never from its name."""

from typing import BinaryIO

from django.utils.translation import gettext_lazy as _

from cases.exchange import delimited, records, workbooks
from cases.exchange.tables import MAX_BYTES, InvalidTable, Table


def open_table(file: BinaryIO) -> Table:
    """The table in an open binary file, which stays open and is read again by ``rows``. Raises ``InvalidTable``."""
    file.seek(0, 2)
    size = file.tell()
    if size > MAX_BYTES:
        raise InvalidTable(
            _("The file is larger than %(size)d MB."), code="too_large", params={"size": MAX_BYTES // (1024 * 1024)}
        )
    file.seek(0)
    start = file.read(4096)
    if not start.strip(b"\x00\t\n\r \xef\xbb\xbf\xff\xfe"):
        raise InvalidTable(_("The file is empty."), code="empty")
    if start.startswith(workbooks.ZIP):
        return workbooks.open_workbook(file)
    if start.startswith(workbooks.OLE):
        raise workbooks.refuse_ole(file)
    text, encoding = delimited.decode(file)
    if text.lstrip().startswith(("{", "[")):
        return records.open_records(text, encoding)
    return delimited.open_delimited(text, encoding)
