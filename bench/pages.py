"""News pages and texts for benchmarks: made up, deterministic from a seed, shaped like what publishers serve.

    news_page(seed=7).html        100 to 300 kB: scripts and styles, JSON-LD, menus, the article, boxes, a footer
    news_text(seed=7, chars=4000) a record with text, url, title, date, language

The sentences come from small grammars of six languages. They make no sense on purpose, read like news, and hardly
ever repeat. Nothing here is anybody's text; the publishers and hosts don't exist (``.example``).
"""
# ruff: noqa: E501 - markup and rows of words are easier to read whole

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Final

EPOCH: Final = datetime(2024, 1, 1, 6, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Grammar:
    """Slots of a language's sentences, and the words of its page furniture."""

    who: tuple[str, ...]
    does: tuple[str, ...]
    what: tuple[str, ...]
    where: tuple[str, ...]
    when: tuple[str, ...]
    links: tuple[str, ...]
    shapes: tuple[str, ...]
    said: str
    first: tuple[str, ...]
    last: tuple[str, ...]
    menu: tuple[str, ...]
    by: str
    read_on: str
    newsletter: str
    subscribe: str
    share: str
    cookies: str
    related: str
    comments: str
    rights: str


# fmt: off
GRAMMARS: Final[dict[str, Grammar]] = {
    "en": Grammar(
        who=("The town council", "The port authority", "A group of farmers", "The school board", "The regional court",
             "A spokeswoman for the hospital", "The bus company", "The museum", "The fire service", "The harbour master",
             "The union of bakers", "A team of engineers", "The water board", "The mayor", "The orchestra",
             "The owner of the mill", "The cycling club", "A retired teacher", "The library", "The football club"),
        does=("has rejected", "wants to examine", "has presented", "defends", "is paying for", "postponed", "approved",
              "criticises", "plans to replace", "has described", "will publish", "has measured", "supports", "called for"),
        what=("the new bridge over the river", "a shorter timetable", "the budget for the coming year", "forty new flats",
              "the repair of the old sea wall", "a report on noise at night", "the sale of the station building",
              "higher prices for school meals", "the rules for market stalls", "a path for cyclists along the canal",
              "the plan for a second kindergarten", "its figures for the past quarter", "an inquiry into the accident",
              "the contract with the power company", "a search for missing files", "the opening of the archive"),
        where=("in the old town", "on the east bank", "near the railway yard", "at the harbour", "in three villages",
               "beside the hospital", "on the market square", "in the northern districts", "along the coast road",
               "in the valley", "at the edge of the forest", "behind the town hall"),
        when=("on Monday evening", "after a long debate", "for the second time this year", "shortly before noon",
              "despite heavy rain", "at the request of the residents", "without naming a date", "until the end of May",
              "in the last week of the holidays", "against the advice of the experts", "as expected", "by a narrow vote"),
        links=("Nevertheless", "At the same time", "According to the minutes", "In the end", "So far", "By contrast",
               "For the time being", "A year ago"),
        shapes=("{who} {does} {what} {where} {when}.", "{when}, {who} {does} {what}, while {who2} {does2} {what2}.",
                "{link}, {who} {does} {what} {where}, and {who2} {does2} {what2} {when}.",
                "“{who} {does} {what},” said {name}, {number} years old, “and that {when}.”",
                "Of {number} people asked {where}, {number2} said that {who} {does} {what}."),
        said="said", first=("Ann", "Ivor", "Maud", "Tom", "Priya", "Owen", "Ruth", "Joel", "Nadia", "Hugh"),
        last=("Example", "Hartley", "Osgood", "Penrose", "Quill", "Rowntree", "Sample", "Thackray", "Winslow", "Yardley"),
        menu=("Home", "Politics", "Local", "Business", "Sport", "Culture", "Science", "Opinion", "Travel", "Weather", "Video"),
        by="By", read_on="Read more:", newsletter="Get our morning newsletter: sign up for free.",
        subscribe="Subscribe now and read all articles for 1 pound in the first month.", share="Share this article",
        cookies="We use cookies to improve our service.", related="More on this topic", comments="Comments",
        rights="All rights reserved."),
    "de": Grammar(
        who=("Der Stadtrat", "Die Hafenbehörde", "Eine Gruppe von Landwirten", "Das Landgericht", "Die Feuerwehr",
             "Ein Sprecher des Krankenhauses", "Die Busgesellschaft", "Das Museum", "Die Bürgermeisterin", "Der Radverein",
             "Ein pensionierter Lehrer", "Die Bücherei", "Der Wasserverband", "Das Orchester", "Die Mühlenbesitzerin",
             "Der Schulausschuss", "Ein Team von Ingenieuren", "Die Bäckerinnung", "Der Fußballverein", "Die Kreisverwaltung"),
        does=("lehnt ab:", "prüft", "verteidigt", "bezahlt", "verschiebt", "genehmigt", "kritisiert", "plant", "beschreibt",
              "veröffentlicht", "unterstützt", "fordert", "untersucht", "erwartet"),
        what=("die neue Brücke über den Fluss", "einen kürzeren Fahrplan", "den Haushalt für das kommende Jahr",
              "vierzig neue Wohnungen", "die Reparatur der alten Kaimauer", "einen Bericht über nächtlichen Lärm",
              "den Verkauf des Bahnhofs", "höhere Preise für das Schulessen", "die Regeln für Marktstände",
              "einen Radweg am Kanal", "den Plan für einen zweiten Kindergarten", "die Zahlen des vergangenen Quartals",
              "eine Untersuchung des Unfalls", "den Vertrag mit dem Stromversorger", "die Öffnung des Archivs"),
        where=("in der Altstadt", "am Ostufer", "beim Güterbahnhof", "am Hafen", "in drei Dörfern", "neben dem Krankenhaus",
               "auf dem Marktplatz", "in den nördlichen Stadtteilen", "an der Küstenstraße", "im Tal", "am Waldrand"),
        when=("am Montagabend", "nach langer Debatte", "zum zweiten Mal in diesem Jahr", "kurz vor Mittag",
              "trotz starken Regens", "auf Bitten der Anwohner", "ohne ein Datum zu nennen", "bis Ende Mai",
              "gegen den Rat der Fachleute", "wie erwartet", "mit knapper Mehrheit"),
        links=("Dennoch", "Zugleich", "Laut Protokoll", "Am Ende", "Bisher", "Dagegen", "Vorerst", "Vor einem Jahr"),
        shapes=("{who} {does} {what} {where}, und zwar {when}.", "{who} {does} {what}; {who2} {does2} {what2} {when}.",
                "{link} heißt es {where}: {who} {does} {what}, {who2} {does2} {what2}.",
                "„{who} {does} {what}“, sagte {name}, {number} Jahre alt, {when}.",
                "Von {number} Befragten {where} meinten {number2}: {who} {does} {what}."),
        said="sagte", first=("Anna", "Jörg", "Maren", "Timo", "Leyla", "Ulf", "Rita", "Götz", "Nele", "Hauke"),
        last=("Muster", "Beispiel", "Ährenfeld", "Brückner", "Deichgraf", "Fährmann", "Hallig", "Moorbach", "Söhnlein"),
        menu=("Startseite", "Politik", "Lokales", "Wirtschaft", "Sport", "Kultur", "Wissen", "Meinung", "Reise", "Wetter"),
        by="Von", read_on="Lesen Sie auch:", newsletter="Unser Newsletter am Morgen: jetzt kostenlos anmelden.",
        subscribe="Jetzt abonnieren und alle Artikel für 1 Euro im ersten Monat lesen.", share="Artikel teilen",
        cookies="Wir verwenden Cookies, um unser Angebot zu verbessern.", related="Mehr zum Thema",
        comments="Kommentare", rights="Alle Rechte vorbehalten."),
    "fr": Grammar(
        who=("Le conseil municipal", "L’autorité du port", "Un groupe d’agriculteurs", "Le tribunal régional", "La mairesse",
             "Une porte-parole de l’hôpital", "La compagnie d’autobus", "Le musée", "Les pompiers", "Le club cycliste",
             "Un instituteur à la retraite", "La bibliothèque", "Le syndicat des eaux", "L’orchestre", "La propriétaire du moulin"),
        does=("rejette", "examine", "présente", "défend", "finance", "reporte", "approuve", "critique", "décrit", "publie",
              "soutient", "réclame", "mesure"),
        what=("le nouveau pont sur la rivière", "un horaire plus court", "le budget de l’année à venir",
              "quarante logements neufs", "la réparation de la vieille digue", "un rapport sur le bruit nocturne",
              "la vente de la gare", "la hausse du prix des cantines", "le règlement des marchés",
              "une piste cyclable le long du canal", "le projet d’une deuxième crèche", "les chiffres du trimestre passé"),
        where=("dans la vieille ville", "sur la rive est", "près de la gare de triage", "au port", "dans trois villages",
               "à côté de l’hôpital", "sur la place du marché", "dans les quartiers nord", "dans la vallée"),
        when=("lundi soir", "après un long débat", "pour la deuxième fois cette année", "peu avant midi",
              "malgré une forte pluie", "à la demande des riverains", "sans donner de date", "jusqu’à la fin de mai"),
        links=("Toutefois", "En même temps", "Selon le procès-verbal", "Finalement", "Jusqu’ici", "En revanche"),
        shapes=("{who} {does} {what} {where}, {when}.", "{link}, {who} {does} {what}, tandis que {who2} {does2} {what2} {when}.",
                "« {who} {does} {what} », a dit {name}, {number} ans, {when}.",
                "Sur {number} personnes interrogées {where}, {number2} estiment que {who} {does} {what}."),
        said="a dit", first=("Anne", "Loïc", "Maude", "Théo", "Inès", "Rémi", "Zoé", "Gaëtan"),
        last=("Exemple", "Delarive", "Moulinet", "Portebois", "Rivoire", "Sablon", "Verdier"),
        menu=("Accueil", "Politique", "Région", "Économie", "Sport", "Culture", "Sciences", "Idées", "Voyages", "Météo"),
        by="Par", read_on="À lire aussi :", newsletter="Recevez notre lettre du matin : inscription gratuite.",
        subscribe="Abonnez-vous et lisez tous les articles pour 1 euro le premier mois.", share="Partager l’article",
        cookies="Nous utilisons des cookies pour améliorer notre service.", related="Sur le même sujet",
        comments="Commentaires", rights="Tous droits réservés."),
    "es": Grammar(
        who=("El ayuntamiento", "La autoridad portuaria", "Un grupo de agricultores", "El tribunal regional", "La alcaldesa",
             "Una portavoz del hospital", "La empresa de autobuses", "El museo", "Los bomberos", "El club ciclista",
             "Un maestro jubilado", "La biblioteca", "La orquesta", "La dueña del molino"),
        does=("rechaza", "estudia", "presenta", "defiende", "financia", "aplaza", "aprueba", "critica", "describe", "publica",
              "apoya", "exige"),
        what=("el nuevo puente sobre el río", "un horario más corto", "el presupuesto del próximo año", "cuarenta viviendas",
              "la reparación del viejo dique", "un informe sobre el ruido nocturno", "la venta de la estación",
              "la subida del comedor escolar", "las normas del mercado", "un carril bici junto al canal",
              "las cifras del último trimestre", "una investigación del accidente"),
        where=("en el casco antiguo", "en la orilla este", "junto a la estación", "en el puerto", "en tres pueblos",
               "al lado del hospital", "en la plaza del mercado", "en los barrios del norte", "en el valle"),
        when=("el lunes por la noche", "tras un largo debate", "por segunda vez este año", "poco antes del mediodía",
              "pese a la lluvia", "a petición de los vecinos", "sin dar una fecha", "hasta finales de mayo"),
        links=("Sin embargo", "Al mismo tiempo", "Según el acta", "Al final", "Hasta ahora", "En cambio"),
        shapes=("{who} {does} {what} {where}, {when}.", "{link}, {who} {does} {what}, mientras {who2} {does2} {what2} {when}.",
                "«{who} {does} {what}», dijo {name}, de {number} años, {when}.",
                "De {number} personas consultadas {where}, {number2} creen que {who} {does} {what}."),
        said="dijo", first=("Ana", "Íñigo", "Marta", "Tomás", "Lucía", "Raúl", "Noa"),
        last=("Ejemplo", "Muñiz", "Peñalba", "Riera", "Sotomonte", "Valdés"),
        menu=("Portada", "Política", "Local", "Economía", "Deportes", "Cultura", "Ciencia", "Opinión", "Viajes", "Tiempo"),
        by="Por", read_on="Lea también:", newsletter="Reciba nuestro boletín de la mañana: suscripción gratuita.",
        subscribe="Suscríbase ahora y lea todos los artículos por 1 euro el primer mes.", share="Compartir el artículo",
        cookies="Usamos cookies para mejorar nuestro servicio.", related="Más sobre el tema", comments="Comentarios",
        rights="Todos los derechos reservados."),
    "it": Grammar(
        who=("Il consiglio comunale", "L’autorità portuale", "Un gruppo di agricoltori", "Il tribunale", "La sindaca",
             "Una portavoce dell’ospedale", "L’azienda degli autobus", "Il museo", "I vigili del fuoco", "Il club ciclistico",
             "Un maestro in pensione", "La biblioteca", "L’orchestra", "La padrona del mulino"),
        does=("respinge", "esamina", "presenta", "difende", "finanzia", "rinvia", "approva", "critica", "descrive", "pubblica",
              "sostiene", "chiede"),
        what=("il nuovo ponte sul fiume", "un orario più corto", "il bilancio del prossimo anno", "quaranta alloggi",
              "la riparazione della vecchia diga", "una relazione sul rumore notturno", "la vendita della stazione",
              "il rincaro della mensa", "le regole del mercato", "una pista ciclabile lungo il canale",
              "i dati dell’ultimo trimestre", "un’inchiesta sull’incidente"),
        where=("nel centro storico", "sulla riva est", "vicino alla stazione", "al porto", "in tre paesi",
               "accanto all’ospedale", "in piazza del mercato", "nei quartieri nord", "nella valle"),
        when=("lunedì sera", "dopo un lungo dibattito", "per la seconda volta quest’anno", "poco prima di mezzogiorno",
              "nonostante la pioggia", "su richiesta dei residenti", "senza indicare una data", "fino a fine maggio"),
        links=("Tuttavia", "Allo stesso tempo", "Secondo il verbale", "Alla fine", "Finora", "Invece"),
        shapes=("{who} {does} {what} {where}, {when}.", "{link}, {who} {does} {what}, mentre {who2} {does2} {what2} {when}.",
                "«{who} {does} {what}», ha detto {name}, {number} anni, {when}.",
                "Su {number} persone interpellate {where}, {number2} ritengono che {who} {does} {what}."),
        said="ha detto", first=("Anna", "Elio", "Marta", "Tullio", "Lucia", "Nino", "Zoe"),
        last=("Esempio", "Calvisi", "Molinari", "Pontelungo", "Riva", "Sabbioni"),
        menu=("Home", "Politica", "Cronaca", "Economia", "Sport", "Cultura", "Scienze", "Opinioni", "Viaggi", "Meteo"),
        by="Di", read_on="Leggi anche:", newsletter="Ricevi la nostra newsletter del mattino: iscrizione gratuita.",
        subscribe="Abbonati ora e leggi tutti gli articoli a 1 euro il primo mese.", share="Condividi l’articolo",
        cookies="Usiamo i cookie per migliorare il servizio.", related="Sullo stesso tema", comments="Commenti",
        rights="Tutti i diritti riservati."),
    "nl": Grammar(
        who=("De gemeenteraad", "Het havenbedrijf", "Een groep boeren", "De rechtbank", "De burgemeester",
             "Een woordvoerster van het ziekenhuis", "Het busbedrijf", "Het museum", "De brandweer", "De wielerclub",
             "Een oud-leraar", "De bibliotheek", "Het waterschap", "Het orkest", "De eigenares van de molen"),
        does=("verwerpt", "onderzoekt", "presenteert", "verdedigt", "betaalt", "verschuift", "steunt", "bekritiseert",
              "beschrijft", "publiceert", "eist", "verwacht"),
        what=("de nieuwe brug over de rivier", "een kortere dienstregeling", "de begroting voor volgend jaar",
              "veertig nieuwe woningen", "de reparatie van de oude kade", "een rapport over nachtelijk lawaai",
              "de verkoop van het station", "hogere prijzen voor schoolmaaltijden", "de regels voor marktkramen",
              "een fietspad langs het kanaal", "de cijfers van het vorige kwartaal"),
        where=("in de oude stad", "op de oostoever", "bij het rangeerterrein", "in de haven", "in drie dorpen",
               "naast het ziekenhuis", "op het marktplein", "in de noordelijke wijken", "in het dal"),
        when=("op maandagavond", "na een lang debat", "voor de tweede keer dit jaar", "kort voor de middag",
              "ondanks zware regen", "op verzoek van omwonenden", "zonder een datum te noemen", "tot eind mei"),
        links=("Toch blijkt", "Tegelijk blijkt", "Volgens de notulen geldt", "Uiteindelijk geldt", "Tot nu toe geldt"),
        shapes=("{who} {does} {what} {where}, {when}.", "{link}: {who} {does} {what}, en {who2} {does2} {what2} {when}.",
                "‘{who} {does} {what}’, zei {name}, {number} jaar oud, {when}.",
                "Van {number} ondervraagden {where} vinden {number2} dat {who} {does} {what}."),
        said="zei", first=("Anke", "Joris", "Maaike", "Teun", "Sanne", "Bram"),
        last=("Voorbeeld", "Dijkgraaf", "Molenaar", "Veerman", "Zandstra"),
        menu=("Voorpagina", "Politiek", "Regio", "Economie", "Sport", "Cultuur", "Wetenschap", "Opinie", "Reizen", "Weer"),
        by="Door", read_on="Lees ook:", newsletter="Ontvang onze ochtendnieuwsbrief: meld u gratis aan.",
        subscribe="Neem nu een abonnement en lees alle artikelen voor 1 euro in de eerste maand.", share="Deel dit artikel",
        cookies="Wij gebruiken cookies om onze dienst te verbeteren.", related="Meer over dit onderwerp",
        comments="Reacties", rights="Alle rechten voorbehouden."),
}
# fmt: on
LANGUAGES: Final = tuple(GRAMMARS)


@dataclass(frozen=True, slots=True)
class NewsPage:
    """A page and what a perfect extractor would find on it."""

    html: bytes
    url: str
    site: str
    language: str
    title: str
    authors: tuple[str, ...]
    published: datetime
    paragraphs: tuple[str, ...]
    boilerplate: tuple[str, ...]

    @property
    def text(self) -> str:
        """The article's paragraphs, joined by blank lines."""
        return "\n\n".join(self.paragraphs)


class Writer:
    """Writes one story in one language, from its own random numbers."""

    def __init__(self, seed: int, language: str | None = None) -> None:
        # Bytes and not an object: what the numbers are is then the same in every Python.
        self.random = random.Random(f"klartext news {seed}".encode())
        self.language = language or LANGUAGES[seed % len(LANGUAGES)]
        self.grammar = GRAMMARS[self.language]

    def name(self) -> str:
        """A person's name."""
        return f"{self.random.choice(self.grammar.first)} {self.random.choice(self.grammar.last)}"

    def sentence(self) -> str:
        """One sentence."""
        pick, grammar = self.random.choice, self.grammar
        text = pick(grammar.shapes).format(
            who=pick(grammar.who),
            does=pick(grammar.does),
            what=pick(grammar.what),
            where=pick(grammar.where),
            when=pick(grammar.when),
            who2=_lower(pick(grammar.who), self.language),
            does2=pick(grammar.does),
            what2=pick(grammar.what),
            link=pick(grammar.links),
            name=self.name(),
            number=self.random.randint(18, 980),
            number2=self.random.randint(3, 17),
        )
        return text[0].upper() + text[1:]

    def paragraph(self, sentences: int | None = None) -> str:
        """A few sentences."""
        return " ".join(self.sentence() for _ in range(sentences or self.random.randint(2, 5)))

    def headline(self) -> str:
        """A headline without a full stop."""
        pick, grammar = self.random.choice, self.grammar
        return f"{pick(grammar.who)} {pick(grammar.does).rstrip(':')} {pick(grammar.what)} {pick(grammar.where)}"

    def story(self, chars: int) -> list[str]:
        """Paragraphs of at least ``chars`` characters in all."""
        paragraphs: list[str] = []
        while sum(map(len, paragraphs)) + 2 * len(paragraphs) < chars:
            paragraphs.append(self.paragraph())
        return paragraphs


def _lower(text: str, language: str) -> str:
    return (
        text
        if language == "de" and not text.startswith(("Der ", "Die ", "Das ", "Ein"))
        else text[0].lower() + text[1:]
    )


def news_text(seed: int, *, language: str | None = None, chars: int = 4000) -> dict[str, str]:
    """A record as a line of JSONL holds it: text, url, title, date, language, author."""
    writer = Writer(seed, language)
    site = f"{writer.random.choice(('post', 'courier', 'herald', 'bote'))}-{seed % 40}.example"
    published = EPOCH + timedelta(minutes=37 * seed)
    title = writer.headline()
    return {
        "text": "\n".join(writer.story(chars)),
        "url": f"https://www.{site}/{published:%Y/%m/%d}/{seed:07d}-{_slug(title)}",
        "title": title,
        "date": published.isoformat(),
        "language": writer.language,
        "author": writer.name(),
    }


def _slug(title: str) -> str:
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in title.lower()).split())[:60].strip("-")


def news_page(seed: int, *, language: str | None = None, size: int | None = None) -> NewsPage:
    """A page of about ``size`` bytes (by default 100 to 300 kB, by the seed)."""
    writer = Writer(seed, language)
    rng, grammar = writer.random, writer.grammar
    wanted = size or rng.randint(100_000, 300_000)
    site = f"{rng.choice(('morgen', 'courier', 'herald', 'gazette'))}-{seed % 40}.example"
    name = site.partition(".")[0].replace("-", " ").title()
    published = EPOCH + timedelta(minutes=37 * seed)
    title = writer.headline()
    authors = tuple(dict.fromkeys(writer.name() for _ in range(rng.choice((1, 1, 1, 2)))))
    url = f"https://www.{site}/{published:%Y/%m/%d}/{seed:07d}-{_slug(title)}"
    story = writer.story(rng.randint(2500, 7000))
    boilerplate = (grammar.subscribe, grammar.newsletter)
    head = _head(writer, name, title, url, authors, published)
    body = [
        _consent(grammar),
        _menu(writer, site),
        '<main id="content" class="page__main layout-grid"><div class="col col-8">',
        f'<article class="article article--standard" data-id="{seed}" itemscope itemtype="https://schema.org/NewsArticle">',
        *_article(writer, title, authors, published, story),
        "</article>",
        _related(writer, site, rng.randint(8, 16)),
        _comments(writer),
        f'</div><aside class="sidebar col col-4">{_most_read(writer, site)}{_teasers(writer, site, 12)}</aside></main>',
        _footer(writer, site, name),
    ]
    page = f'<!DOCTYPE html>\n<html lang="{writer.language}" class="no-js">\n{head}\n<body class="template-article">'
    page += "\n".join(body)
    filler = _scripts(rng, max(0, wanted - len(page.encode()) - 100))
    html = f"{page}\n{filler}\n</body>\n</html>\n".encode()
    return NewsPage(html, url, site, writer.language, title, authors, published, tuple(story), boilerplate)


def _head(writer: Writer, name: str, title: str, url: str, authors: tuple[str, ...], published: datetime) -> str:
    rng = writer.random
    modified = published + timedelta(minutes=rng.randint(0, 300))
    data = {
        "@context": "https://schema.org",
        "@graph": [
            {"@type": "NewsMediaOrganization", "@id": f"{url.split('/20', maxsplit=1)[0]}/#org", "name": name,
             "logo": {"@type": "ImageObject", "url": f"{url.split('/20', maxsplit=1)[0]}/logo.png", "width": 600, "height": 60}},
            {"@type": "NewsArticle", "headline": title, "mainEntityOfPage": {"@type": "WebPage", "@id": url},
             "datePublished": published.isoformat(), "dateModified": modified.isoformat(),
             "author": [{"@type": "Person", "name": author} for author in authors],
             "publisher": {"@id": f"{url.split('/20', maxsplit=1)[0]}/#org"}, "isAccessibleForFree": True,
             "image": [f"{url}/{width}.jpg" for width in (480, 960, 1920)], "description": writer.sentence()},
            {"@type": "BreadcrumbList", "itemListElement": [
                {"@type": "ListItem", "position": place, "name": item, "item": f"{url.split('/20', maxsplit=1)[0]}/{place}"}
                for place, item in enumerate(writer.grammar.menu[:3], 1)]},
        ],
    }  # fmt: skip
    styles = "".join(
        f".c{number:03d}{{margin:{rng.randint(0, 40)}px;color:#{rng.randrange(1 << 24):06x};font-size:{rng.randint(10, 30)}px}}"
        for number in range(240)
    )
    return (
        f'<head><meta charset="utf-8"><title>{escape(title)} | {name}</title>'
        f'<link rel="canonical" href="{url}"><meta property="og:title" content="{escape(title)} | {name}">'
        f'<meta property="og:site_name" content="{name}"><meta property="og:type" content="article">'
        f'<meta property="og:url" content="{url}"><meta name="description" content="{escape(writer.sentence())}">'
        f'<meta property="article:published_time" content="{published.isoformat()}">'
        f'<meta name="viewport" content="width=device-width"><meta name="robots" content="max-image-preview:large">'
        f'<script type="application/ld+json">{json.dumps(data, ensure_ascii=False)}</script>'
        f"<style>{styles}</style>"
        + "".join(f'<link rel="preload" as="script" href="/assets/{rng.randrange(1 << 40):x}.js">' for _ in range(12))
        + "</head>"
    )


def _consent(grammar: Grammar) -> str:
    return (
        '<div id="cmp-banner" class="cookie-consent" role="dialog" hidden>'
        f'<p>{grammar.cookies}</p><button type="button" class="btn">OK</button></div>'
    )


def _menu(writer: Writer, site: str) -> str:
    rng = writer.random
    groups = "".join(
        f'<li class="nav__item"><a href="https://www.{site}/{_slug(item)}">{item}</a><ul class="nav__sub">'
        + "".join(
            f'<li><a class="nav__link" href="https://www.{site}/{_slug(item)}/{number}">'
            f"{escape(rng.choice(writer.grammar.where)).capitalize()}</a></li>"
            for number in range(14)
        )
        + "</ul></li>"
        for item in writer.grammar.menu
    )
    return (
        f'<header class="site-header"><a class="logo" href="https://www.{site}/">{site}</a>'
        f'<nav class="nav" aria-label="main"><ul>{groups}</ul></nav>'
        '<form action="/search" class="search"><input name="q" type="search"><button>?</button></form></header>'
    )


def _article(
    writer: Writer, title: str, authors: tuple[str, ...], published: datetime, story: list[str]
) -> Iterator[str]:
    rng, grammar = writer.random, writer.grammar
    yield f'<header class="article__header"><p class="kicker">{rng.choice(grammar.menu)}</p>'
    yield f'<h1 class="article__title" itemprop="headline">{escape(title)}</h1></header>'
    yield f'<div class="article__meta"><span class="byline">{grammar.by} {escape(", ".join(authors))}</span>'
    yield f'<time datetime="{published.isoformat()}">{published:%d.%m.%Y %H:%M}</time></div>'
    yield f'<ul class="share share--top" aria-label="{grammar.share}">'
    yield "".join(
        f'<li><a class="share__link" href="#{n}"><svg><path d="M0 0h24v24z"/></svg>{n}</a></li>' for n in "ABCD"
    )
    yield '</ul><div class="article__body" itemprop="articleBody">'
    for number, paragraph in enumerate(story):
        words = escape(paragraph, quote=False).split(" ")
        if rng.random() < 0.3 and len(words) > 12:
            at = rng.randrange(2, len(words) - 6)
            words[at] = f'<a class="inline-link" href="/tag/{rng.randrange(1000)}">{words[at]}'
            words[at + 2] += "</a>"
        yield f'<p class="paragraph">{" ".join(words)}</p>'
        if number and number % 5 == 0:
            yield f'<h2 class="article__subhead">{escape(writer.headline())}</h2>'
        if number == 1:
            yield _figure(writer)
        if number == 2:
            yield f'<aside class="box box--newsletter"><p>{grammar.newsletter}</p></aside>'
        if number == 3:
            yield f'<div class="inline-teaser"><strong>{grammar.read_on}</strong> <a href="/r/{number}">{escape(writer.headline())}</a></div>'
        if number == 4:
            yield f'<p class="promo promo--abo">{grammar.subscribe}</p>'
        if number % 4 == 3:
            yield f'<div class="ad-slot" id="ad-{number}"><script>window.ads=window.ads||[];ads.push({number})</script></div>'
    yield f'</div><p class="article__copyright">© {published.year} {grammar.rights}</p>'


def _figure(writer: Writer) -> str:
    key = writer.random.randrange(1 << 32)
    sources = ", ".join(f"/img/{key:x}-{width}.jpg {width}w" for width in (320, 640, 960, 1280, 1920))
    return (
        f'<figure class="figure"><picture><source srcset="{sources}"><img src="/img/{key:x}-640.jpg" srcset="{sources}"'
        f' alt="{escape(writer.headline())}"></picture><figcaption>{escape(writer.headline())}.'
        f' <span class="credit">{writer.name()}</span></figcaption></figure>'
    )


def _card(writer: Writer, site: str, kind: str) -> str:
    title, key = escape(writer.headline()), writer.random.randrange(1 << 32)
    return (
        f'<div class="card card--{kind}"><a class="card__link" href="https://www.{site}/{key:x}">'
        f'<div class="card__media"><img loading="lazy" src="/img/{key:x}-320.jpg" alt=""></div>'
        f'<div class="card__body"><span class="card__kicker">{writer.random.choice(writer.grammar.menu)}</span>'
        f'<h3 class="card__title">{title}</h3><p class="card__text">{escape(writer.sentence())}</p></div></a></div>'
    )


def _related(writer: Writer, site: str, count: int) -> str:
    cards = "".join(_card(writer, site, "related") for _ in range(count))
    return f'<section class="related-articles"><h2>{writer.grammar.related}</h2><div class="grid">{cards}</div></section>'


def _teasers(writer: Writer, site: str, count: int) -> str:
    return '<div class="teaser-list">' + "".join(_card(writer, site, "teaser") for _ in range(count)) + "</div>"


def _most_read(writer: Writer, site: str) -> str:
    items = "".join(
        f'<li class="ranking__item"><a href="https://www.{site}/m/{n}"><span>{n}</span> {escape(writer.headline())}</a></li>'
        for n in range(1, 11)
    )
    return f'<ol class="ranking most-read">{items}</ol>'


def _comments(writer: Writer) -> str:
    items = "".join(
        f'<li class="comment"><span class="comment__author">{writer.name()}</span><p>{escape(writer.sentence())}</p></li>'
        for _ in range(writer.random.randint(0, 8))
    )
    return f'<section id="comments" class="comments"><h2>{writer.grammar.comments}</h2><ul>{items}</ul></section>'


def _footer(writer: Writer, site: str, name: str) -> str:
    columns = "".join(
        f'<div class="footer__column"><h4>{item}</h4><ul>'
        + "".join(f'<li><a href="https://www.{site}/f/{_slug(item)}/{n}">{item} {n}</a></li>' for n in range(8))
        + "</ul></div>"
        for item in writer.grammar.menu[:6]
    )
    return f'<footer class="site-footer">{columns}<p class="legal">© {name}. {writer.grammar.rights}</p></footer>'


def _scripts(rng: random.Random, size: int) -> str:
    """The state and the trackers that make up most of a news page's bytes."""
    parts = ["<script>window.__STATE__={"]
    length = len(parts[0])
    while length < size:
        entry = (
            f'"k{rng.randrange(1 << 40):x}":{{"id":{rng.randrange(10**9)},"type":"teaser","slot":"{rng.randrange(99)}",'
            f'"hash":"{rng.randrange(1 << 120):030x}","flags":[{rng.randrange(2)},{rng.randrange(2)}],"w":{rng.randrange(2000)}}},'
        )
        if length // 20_000 != (length + len(entry)) // 20_000:
            entry = (
                f'"end":0}};</script>\n<script async id="t{rng.randrange(1 << 30):x}">(function(w){{var q={{' + entry
            )
            entry += (
                '"z":0};w.q=q;if(1<2&&w.q){w.r="<div class=\\"x\\"></div>"}})(window);</script>\n<script>window.__S={'
            )
        parts.append(entry)
        length += len(entry)
    parts.append('"end":0};</script>')
    return "".join(parts)
