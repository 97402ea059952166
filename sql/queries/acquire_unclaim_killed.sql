-- Free what killed runs had claimed, once their files are taken over.
DELETE FROM klartext.fetch_claim AS c
 USING (SELECT url_sha256 FROM klartext.fetch_claim WHERE run = ANY (%(runs)s::integer[]) ORDER BY 1 FOR UPDATE) AS k
 WHERE c.url_sha256 = k.url_sha256;
