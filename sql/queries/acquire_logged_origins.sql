-- Which of these pages a run has logged already.
SELECT origin FROM klartext.fetch_log WHERE url = ANY (%(urls)s::text[]) AND origin = ANY (%(origins)s::text[]);
