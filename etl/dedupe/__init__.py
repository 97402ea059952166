"""Identity and likeness: URL keys, article ids, text hashes; the place where near-duplicate matching goes."""

from etl.dedupe.identity import article_id, text_hash
from etl.dedupe.urlkey import URL_KEY_VERSION, host_of, url_key

__all__ = ["URL_KEY_VERSION", "article_id", "host_of", "text_hash", "url_key"]
