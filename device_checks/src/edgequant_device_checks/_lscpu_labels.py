"""What lscpu calls the fields used here, in English and in the 27 languages that util-linux 2.38 translates to.

lscpu translates its labels even in JSON, unless it runs with LC_ALL=C.
"""

from __future__ import annotations

ENGLISH = (
    "Architecture",
    "CPU(s)",
    "Vendor ID",
    "Model name",
    "Model",
    "Stepping",
    "CPU max MHz",
    "Flags",
    "Thread(s) per core",
    "Core(s) per socket",
    "Core(s) per cluster",
    "Socket(s)",
    "Cluster(s)",
)

# The English label and its translations; none of these is an English label of lscpu.
_TRANSLATIONS = {
    "Architecture": (
        "Architektura|Arkitektur|Architektur|Arquitectura|Arhitektura|アーキテクチャ|Architectuur|Arquitetura|Архитектура"
        "|Mimari|Архітектура|Kiến trúc|架构|架構"
    ),
    "CPU(s)": "Počet CPU|CPU'er|Processeur(s)|CPU(-a)|CPU|CPU's|CPU(er)|İşlemciler|Процесори",
    "Vendor ID": (
        "ID výrobce|Leverandør-id|Fabrikatzailearen IDa|ID do fabricante|ID Pembuat|Anbieterkennung"
        "|ID de fabricante|Identifiant constructeur|ID proizvođača|ベンダー ID"
        "|Producent-ID|ID producenta|ID de fornecedor|ID прроизводителя|ID производителя|Tillverkar-ID"
        "|Sağlayıcı Kimliği|Ідентифікатор виробника|ID nhà sản xuất|厂商 ID|供應商識別號"
    ),
    "Model name": (
        "Název modelu|Modelnavn|Modellname|Nombre del modelo|Nom de modèle|Ime modela|モデル名|Modelnaam|Nazwa modelu"
        "|Nome do modelo|Имя модели|Modellnamn|Modem ismi|Model ismi|Назва моделі|Tên mô hình|Mallinimi|型号名称"
        "|型號名稱"
    ),
    "Model": "Modell|Modeloa|Modelo|Modèle|モデル|Модель|Mô hình|Malli|型号|型號",
    "Stepping": (
        "Modelserie|Stepping-a|Revisión|Révision|ステッピング|Wersja|Passos|Step|Степпинг|Stegning|Adımlama|Модифікація"
        "|Bước|步进"
        "|製程"
    ),
    "CPU max MHz": (
        "CPU max. MHz|CPU maks. MHz|Maximale Taktfrequenz der CPU|CPU MHz máx.|Vitesse maximale du processeur en MHz"
        "|CPU max frekvencija (MHz)|CPU 最大 MHz|max. CPU-frequentie (MHz)|CPU MHz máximos|İşlemci en yüksek MHz"
        "|Макс. частота процесора у МГц|Tần số đồng hồ CPU tối đa (MHz)"
    ),
    "Flags": (
        "Příznaky|Flag|Markierungen|Indicadores|Drapeaux|Flagovi|フラグ|Vlaggen|Flagi|Bandeiras|Opções|Флаги|Flaggor"
        "|Bayraklar|Прапорці|Liput|标记"
    ),
    "Thread(s) per core": (
        "Vláken na jádro|Core bakoitzeko hari kopurua|Thread(s) setiap inti|Tråde per kerne|Thread(s) pro Kern"
        "|Hilo(s) de procesamiento por núcleo|Thread(s) par cœur"
        "|Dretva po jezgri|コアあたりのスレッド数|Draden per kern|Wątków na rdzeń|Tópicos por núcleo"
        "|Thread(s) per núcleo|Tråd(ar) per kärna|Çekirdek başına iş parçacığı|Потоків на ядро|Số tuyến mỗi lõi"
        "|每个核的线程数|每核心執行緒數"
    ),
    "Core(s) per socket": (
        "Jader na patici|Socket bakoitzeko core kopurua|Inti setiap soket|Kerner per sokkel|Kern(e) pro Sockel"
        "|Núcleo(s) por «socket»|Cœur(s) par socket"
        "|Jezgra po podnožju|ソケットあたりのコア数|Kernen per voet|Rdzeni na gniazdo|Núcleos por socket"
        "|Núcleo(s) por soquete|Ядер на сокет|Kärn(or) per uttag|Soket başına çekirdek|Số lõi mỗi đế cắm|每个座的核数"
        "|每通訊端核心數"
    ),
    "Core(s) per cluster": (
        "Jader na klastr|Kern(e) pro Cluster|Núcleo(s) por «cluster»|Cœur(s) par cluster|Jezgr(a/e) po klasteru"
        "|Rdzeni na klaster|Núcleos por cluster|Núcleo(s) por cluster|Ядер на кластер"
    ),
    "Socket(s)": (
        "Patic|Sokler|Sockel|«Socket(s)»|CPU podnožja|ソケット数|CPU-voeten|Gniazd|Sockets|Soquete(s)|Сокетов|Uttag"
        "|Soket(ler)|Сокети|Số đế cắm|座"
    ),
    "Cluster(s)": "Klastrů|Cluster|«Cluster(s)»|Klaster(i)|Klastrów|Кластери",
}

TRANSLATED = {label.casefold(): english for english, labels in _TRANSLATIONS.items() for label in labels.split("|")}
