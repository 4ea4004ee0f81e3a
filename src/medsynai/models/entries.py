"""The one list of models: what each is, when to use it, when it fails, and where it lives."""

from medsynai.models.entries_beside import BESIDE
from medsynai.models.entry import Entry

TABLES = (
    Entry(
        "forest",
        "Sequential forest",
        "Reiter 2005, Using CART to generate partially synthetic microdata, J. Off. Stat. 21(3); "
        "Caiola and Reiter 2010, Random forests for generating partially synthetic data",
        ("table",),
        "the default for tables: mixed types, missing values, rules, a few hundred rows or more",
        "tables of a few dozen rows; dozens of nearly collinear measurements",
        "Columns are drawn one after another, each from a small forest of decision trees grown on "
        "the columns before it. A leaf holds how often each range of values occurred among a set "
        "number of patients or more, never a patient's row.",
        "medsynai.forest.forest:Forest",
        "medsynai.forest.forest:load",
        keeps=True,
    ),
    Entry(
        "copula",
        "Gaussian copula",
        "Nelsen 2006, An Introduction to Copulas; Patki et al. 2016, The Synthetic Data Vault",
        ("table",),
        "a fast second opinion; numbers tied by smooth, monotone relations",
        "interactions, relations that turn, rules between columns, unordered levels",
        "Each column has its own distribution, cut into cells of several patients; one matrix of "
        "correlations between normal scores ties the columns together.",
        "medsynai.copula.copula:Copula",
        "medsynai.copula.copula:load",
        keeps=True,
    ),
    Entry(
        "grouped-copula",
        "Grouped Gaussian copula",
        "Marbac, Biernacki and Vandewalle 2017, Model-based clustering of Gaussian copulas for "
        "mixed data; McLachlan, Peel and Bean 2003, Modelling high-dimensional data by mixtures of "
        "factor analyzers",
        ("table",),
        "small tables of many measurements that go together; an outcome of a few levels",
        "relations that turn; rules between columns; outcomes of many rare levels",
        "Rows are grouped by the levels of the outcome. Each group has its own means, spreads and "
        "correlations, behind which stand a few common factors; all groups share each column's "
        "distribution, cut into cells of several patients.",
        "medsynai.copula.grouped:GroupedCopula",
        "medsynai.copula.grouped:load",
        keeps=True,
    ),
    Entry(
        "vae",
        "Variational autoencoder",
        "Kingma and Welling 2014, Auto-encoding variational Bayes; Ghosh et al. 2020, From "
        "variational to deterministic autoencoders (the prior)",
        ("table",),
        "tables of a thousand rows or more, where a network is wanted that trains in seconds",
        "small tables; keeping real columns; tables of dozens of columns",
        "Each row of codes is squeezed by a neural network into a few numbers and rebuilt from "
        "them by another. New rows are rebuilt from new numbers, drawn from a mixture of normal "
        "distributions fitted to where the train rows lie.",
        "medsynai.models.autoencoder:Vae",
        "medsynai.models.autoencoder:load",
        private=True,
    ),
    Entry(
        "autoregressive",
        "Any-order autoregressive network",
        "Uria, Murray and Larochelle 2014, A deep and tractable density estimator",
        ("table",),
        "a network whose conditions and kept columns are exact, whichever they are",
        "small tables; tables of dozens of columns, where the forest is nearer and quicker",
        "One neural network draws the columns one after another, each from those drawn before it. "
        "It is trained to start from any columns, so whatever is asked for is drawn first.",
        "medsynai.models.autoregressive:Autoregressive",
        "medsynai.models.autoregressive:load",
        keeps=True,
        private=True,
    ),
    Entry(
        "tvae",
        "TVAE",
        "Xu et al. 2019, Modeling tabular data using conditional GAN, section 4.4",
        ("table",),
        "to compare with: the variational autoencoder of tables as it was published",
        "the same as vae, and more of it: what ties columns together, spikes, wide tables",
        "Each number is told as one of a few humps of its column and a place in it. A neural "
        "network squeezes each row into a few numbers, another rebuilds it; new rows are rebuilt "
        "from random numbers.",
        "medsynai.models.tvae:Tvae",
        "medsynai.models.tvae:load",
        private=True,
    ),
    Entry(
        "beta-vae",
        "beta-VAE",
        "Higgins et al. 2017, beta-VAE: learning basic visual concepts with a constrained "
        "variational framework",
        ("table",),
        "a few independent factors behind the rows; a smooth model that knows little of anyone",
        "fine detail and tight relations: they are the price of clean factors",
        "A variational autoencoder that is pressed to describe each row by as few independent "
        "numbers as it can; new rows are rebuilt from random ones.",
        "medsynai.models.beta_vae:BetaVae",
        "medsynai.models.beta_vae:load",
        private=True,
    ),
    Entry(
        "diffusion",
        "Flow matching",
        "Lipman et al. 2023, Flow matching for generative modeling; Eijkelboom et al. 2024, "
        "Variational flow matching; Kotelnikov et al. 2023, TabDDPM (the setting)",
        ("table",),
        "mixed tables with many numbers, a thousand rows or more; low membership risk",
        "small tables; keeping real columns; rare conditions; exact ties between columns",
        "A neural network learns to tell from a row that is partly noise what the row was. New "
        "rows begin as noise and are carried along, step by step, to where rows lie.",
        "medsynai.models.diffusion:Diffusion",
        "medsynai.models.diffusion:load",
        private=True,
    ),
    Entry(
        "refined",
        "Refinement by a discriminator",
        "Azadi et al. 2019, Discriminator rejection sampling; Rogozhnikov 2016, Reweighting with "
        "boosted decision trees (the rounds)",
        ("table",),
        "rows of a network, or of any model, that are told apart too easily from real ones",
        "where membership matters more than likeness: the real rows are read once more",
        "Rows of another model are drawn in plenty; boosted decision trees that tell real from "
        "drawn rows weigh them, and only as many as are asked for are kept, the likely ones more "
        "often.",
        "medsynai.models.refined:Refined",
        "medsynai.models.refined:load",
    ),
    Entry(
        "aae",
        "Adversarial autoencoder",
        "Makhzani et al. 2016, Adversarial autoencoders",
        ("table", "codes"),
        "to compare with: an autoencoder whose latent a critic shapes",
        "small tables; keeping real columns; where a divergence (vae) or a mixture is at hand, "
        "they are nearer",
        "Each row is squeezed by a neural network into a few numbers and rebuilt from them by "
        "another; a third learns to tell these numbers from a normal distribution's, and the first "
        "to deceive it. New rows are rebuilt from new numbers.",
        "medsynai.models.aae:Aae",
        "medsynai.models.aae:load",
        of_codes="medsynai.models.code_aae:CodeAae",
        private=True,
    ),
    Entry(
        "mst",
        "MST (private marginals of a tree)",
        "McKenna, Miklau and Sheldon 2021, Winning the NIST contest: a scalable and general "
        "approach to differentially private synthetic data",
        ("table",),
        "differential privacy on wide tables, or where nothing is known of the use",
        "relations of three columns at once; a run without epsilon: it is always private",
        "Each column, and the pairs of columns that form a tree, are counted with noise; the "
        "simplest distribution that explains these counts gives the rows.",
        "medsynai.models.mst:Mst",
        "medsynai.models.mst:load",
        private=True,
        needs_budget=True,
    ),
    Entry(
        "aim",
        "AIM (private marginals, chosen in turn)",
        "McKenna, Mullins, Sheldon and Miklau 2022, AIM: an adaptive and iterative mechanism for "
        "differentially private synthetic data",
        ("table",),
        "differential privacy on tables of up to a few dozen columns",
        "very wide tables, for its time; a run without epsilon: it is always private",
        "Round after round, the pair of columns that the model so far explains worst is counted "
        "with noise; the simplest distribution that explains all counts gives the rows.",
        "medsynai.models.aim:Aim",
        "medsynai.models.aim:load",
        private=True,
        needs_budget=True,
    ),
    Entry(
        "gan",
        "Generative adversarial network",
        "Goodfellow et al. 2014, Generative adversarial nets; Huang et al. 2024, The GAN is dead; "
        "long live the GAN (the loss); Lin et al. 2018, PacGAN",
        ("table",),
        "tables of a few thousand rows or more, where an adversarial network is wanted",
        "small tables; dozens of columns, where the forest is nearer and quicker; keeping columns",
        "One neural network makes rows out of noise while another learns to tell packs of them "
        "from real ones; each gets better by the other's mistakes. How often values of two columns "
        "go together is matched beside that.",
        "medsynai.models.gan:Gan",
        "medsynai.models.gan:load",
        private=True,
    ),
    Entry(
        "cgan",
        "Conditional GAN",
        "Mirza and Osindero 2014, Conditional generative adversarial nets; Huang et al. 2024, The "
        "GAN is dead; long live the GAN (the loss)",
        ("table",),
        "an adversarial network of rows by label: an outcome, a group, minority rows on request",
        "labels of so many combinations that few rows are left of each; otherwise where gan fails",
        "One neural network makes rows out of noise and a label while another learns to tell packs "
        "of them from real rows of the same labels. A label is given, never made, so every row has "
        "the one that was asked for.",
        "medsynai.models.cgan:Cgan",
        "medsynai.models.cgan:load",
    ),
    Entry(
        "ctgan",
        "CTGAN",
        "Xu et al. 2019, Modeling tabular data using conditional GAN",
        ("table",),
        "to compare with: the conditional GAN of tables as it was published; rare levels",
        "where gan fails, and before it: small tables, tight relations, wide tables",
        "Each number is told as one of a few humps of its column and a place in it. One neural "
        "network makes rows that have a level of a column it is asked for, rare ones about as "
        "often as common ones; another learns to tell packs of them from real rows that have it.",
        "medsynai.models.ctgan:Ctgan",
        "medsynai.models.ctgan:load",
    ),
    Entry(
        "wgan-gp",
        "Wasserstein GAN with gradient penalty",
        "Arjovsky, Chintala and Bottou 2017, Wasserstein GAN; Gulrajani et al. 2017, Improved "
        "training of Wasserstein GANs",
        ("table",),
        "to compare with: a GAN whose critic measures a distance, and whose generator reads no row",
        "small tables; dozens of columns; pairs of columns, which gan has nearer",
        "One neural network makes rows out of noise. Another measures how far they lie from real "
        "ones, as the work of moving one heap onto the other, and the first makes that less.",
        "medsynai.models.wgan_gp:WganGp",
        "medsynai.models.wgan_gp:load",
        private=True,
    ),
    Entry(
        "pategan",
        "PATE-GAN (a student of sealed teachers)",
        "Jordon, Yoon and van der Schaar 2019, PATE-GAN",
        ("table",),
        "to compare with: what votes teach a generator, honestly paid for",
        "small tables, small epsilon; a run without epsilon",
        "Patients are dealt to teachers that learn to tell generated rows from their own patients'."
        " A student learns from their noised votes alone, and the generator from the student.",
        "medsynai.models.pate_gan:PateGan",
        "medsynai.models.pate_gan:load",
        private=True,
        needs_budget=True,
    ),
    Entry(
        "tablegan",
        "tableGAN",
        "Park et al. 2018, Data synthesis based on generative adversarial networks, PVLDB 11(10)",
        ("table",),
        "to compare with: the first GAN of tables",
        "levels without an order, spikes, ties between columns: all columns are scaled numbers",
        "One neural network makes rows of scaled numbers out of noise, another tells them from "
        "real ones, and a third says whether a row's outcome fits its other columns. How far rows "
        "must keep from the real ones can be set.",
        "medsynai.models.tablegan:TableGan",
        "medsynai.models.tablegan:load",
    ),
    Entry(
        "shuffle",
        "Shuffled columns (baseline)",
        "Goncalves et al. 2020, Generation and evaluation of synthetic patient data (independent "
        "marginals)",
        ("table", "codes", "cohorts"),
        "a floor to compare with; teaching and software tests",
        "any question about two columns at once: every relation is gone",
        "Each column is drawn on its own from cells of several patients; no relation between "
        "columns is kept.",
        "medsynai.models.shuffle:Shuffle",
        "medsynai.models.shuffle:load_shuffle",
        keeps=True,
        of_codes="medsynai.models.code_baseline:CodeShuffle",
        of_cohorts="medsynai.models.markov:CohortShuffle",
    ),
    Entry(
        "bootstrap",
        "Bootstrap copy (positive control)",
        "Efron 1979, Bootstrap methods: another look at the jackknife",
        ("table", "codes", "cohorts"),
        "to see that the privacy attacks catch a copy; never for a release",
        "privacy: its rows are real patients",
        "Whole rows of real patients are drawn with replacement.",
        "medsynai.models.bootstrap:Bootstrap",
        copies=True,
        of_codes="medsynai.models.code_baseline:CodeBootstrap",
        of_cohorts="medsynai.models.cohort_bootstrap:CohortBootstrap",
    ),
)
CATALOG = (*TABLES, *BESIDE)
