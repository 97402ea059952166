"""Every reason a record can be rejected for, in one place: code to meaning (also in the reference)."""

from typing import Final

REASONS: Final[dict[str, str]] = {
    # acquire: pages that say 200 and are no article
    "soft_404": "the page is an error page or the front page that a publisher serves for a missing article",
    "consent_wall": "the page asks for consent to cookies or tracking instead of showing the article",
    # read: files
    "unreadable_file": "the file can't be opened or read (permissions, a dangling link, a device)",
    "empty_file": "the file holds no bytes",
    "unknown_format": "the file's type is none that klartext reads",
    "not_regular_file": "the path is a FIFO, socket or device",
    "link_loop": "a symbolic link leads back to itself",
    "truncated_file": "the file ends in the middle of a record or of its compressed stream",
    "corrupt_file": "the file's compressed stream or structure is damaged",
    "decompression_bomb": "the file decompresses to more than the limits allow",
    "outside_input_roots": "the path lies outside the allowed input roots",
    # read: records
    "invalid_json": "the line is not valid JSON",
    "not_an_object": "the line is JSON, but not an object",
    "record_too_large": "the record is larger than the limit",
    "nested_too_deep": "the record is nested deeper than the limit",
    "wrong_type": "a field holds a value of the wrong type",
    "missing_text": "the record has neither text nor html",
    "bad_row": "the row doesn't fit the table's header",
    "bad_encoding": "the bytes can't be decoded in any likely charset",
    "bad_warc_record": "the WARC record is damaged",
    "bad_content_encoding": "the body's content encoding (gzip, br …) can't be undone",
    # extract
    "not_html": "the payload is not an HTML page (an image, a PDF, an archive …)",
    "no_article": "no article text was found on the page",
    "page_too_large": "the page is larger than the limit",
    "too_many_elements": "the page has more elements than the limit",
    "extract_timeout": "extraction took longer than the limit and was killed",
    "extract_memory": "extraction needed more memory than the limit and was killed",
    "extract_crash": "the extraction worker died on this page",
    "extract_error": "extraction raised an error on this page",
    # clean and load
    "empty_text": "nothing is left after cleaning, or there was no text at all",
    "text_too_large": "the text is larger than the limit",
    "internal_error": "an unexpected error in klartext; please report it with the record",
    "load_error": "the database refused the record",
}
