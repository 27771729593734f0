"""What a measure may be of: the tumour, a word that hands it on, or something else."""

TUMOUR = ("tumour", "carcinoma", "adenocarcinoma", "melanoma", "invasive", "nst", "idc", "ilc", "suspicious_finding")
WEAK = ("size_word", "imaging")
OTHERS = (
    "node", "axilla", "margin", "specimen", "surgery", "biopsy", "core_length", "bed", "dcis", "extent", "benign", "metastasis",
    "distance", "other_finding", "limb", "region",
)  # fmt: skip
OWNERS = (*TUMOUR, *WEAK, *OTHERS, "paired_organ", "unpaired_organ")
